//! The cases, as data.
//!
//! Every expected value is a literal from the specification of thread
//! impersonation (`docs/semantics.md`), in its own short notation; nothing here
//! is computed by the rules, the service or the driver. The harness carries the
//! cases out on a target and writes what it observed in the same notation.
//!
//! # Notation
//! `co` and `eo` are copy-on-open and effective-only, `L` the level of the slot.
//!
//! * slot: `idle`, `A2 co0 eo0 L2` (the very token A2), or
//!   `copy of B2 imp/1 co0 eo0 L1` (another object, with its type and own level)
//! * open (`OpenThreadToken` with `TOKEN_QUERY` and `OpenAsSelf`): a short
//!   status, or `same` (the slot's object) or `new` (another object), the type
//!   and own level of what was opened, and whether what is disabled in the token
//!   is still there (`all`) or gone (`effective`)
//! * access: a short status, `as A` (what the token's user may open), or `as A*`
//!   (what its user and its restricting SIDs both may open)
//! * short statuses: `A5` `BAD_IMPERSONATION_LEVEL`, `A6` `CANT_OPEN_ANONYMOUS`,
//!   `7C` `NO_TOKEN`
#![forbid(unsafe_code)]

mod bad_input;
mod copy;
mod decision;
mod fixture;
mod idle;
mod open;
mod references;
mod save;
mod script;
mod slot;

pub use bad_input::{Attempt, Caller, Edit, Handle, Opening, Output, Requests};
pub use decision::{Column, DecisionRow, Driver, Observed};
pub use fixture::{Fixture, Logon, Privilege, Server, Tok, User};
pub use script::{ByKernel, Script, State, Step};

/// A case of the catalogue.
#[derive(Clone, Debug)]
pub struct Case {
    /// Group letter and number.
    pub id: &'static str,
    /// One line on what it shows.
    pub title: String,
    /// What to do and what to expect.
    pub body: Body,
}

/// The kinds of cases.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// One `PsImpersonateClient` on an idle thread (group D).
    Decision(&'static DecisionRow),
    /// A sequence of calls with a look at the thread after it.
    Script(&'static Script),
    /// Requests to the driver that it must refuse, or must not (group B).
    Requests(&'static Requests),
}

/// Every case, in the order of the specification.
pub fn cases() -> Vec<Case> {
    let decisions =
        decision::ROWS.iter().map(|row| Case { id: row.id, title: row.title(), body: Body::Decision(row) });
    let scripts =
        [idle::SCRIPTS, slot::SCRIPTS, copy::SCRIPTS, open::SCRIPTS, save::SCRIPTS, references::SCRIPTS]
            .into_iter()
            .flatten()
            .map(|script| Case { id: script.id, title: script.title.to_owned(), body: Body::Script(script) });
    let requests = bad_input::ROWS.iter().map(|row| Case {
        id: row.id,
        title: row.title.to_owned(),
        body: Body::Requests(row),
    });
    decisions.chain(scripts).chain(requests).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_are_complete_and_ids_are_unique() {
        let cases = cases();
        let count = |group| cases.iter().filter(|case| case.id.starts_with(group)).count();
        assert_eq!((count('D'), count('N'), count('T'), count('C')), (62, 13, 18, 8));
        assert_eq!((count('O'), count('S'), count('R'), count('B')), (8, 15, 7, 21));
        let mut ids: Vec<_> = cases.iter().map(|case| case.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), cases.len());
    }
}
