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

mod access;
mod applies_to;
mod bad_input;
mod connection;
mod copy;
mod decision;
mod fixture;
mod idle;
mod job;
mod level;
mod memory;
mod needs;
mod open;
mod peios;
mod pipe;
mod race;
mod references;
mod rights;
mod save;
mod script;
mod slot;
mod threads;
mod user_mode;

pub use applies_to::Only;
pub use bad_input::{Attempt, Caller, Edit, Handle, Opening, Output, Requests};
pub use decision::{Column, DecisionRow, Driver, Observed};
pub use fixture::{Fixture, Logon, Privilege, Server, Tok, User};
pub use pipe::Pipe;
pub use race::{Act, End, Ends, Race, Target, With};
pub use script::{
    Broker, ByKernel, Context, Device, Judge, Memory, Object, Program, Script, Securable, State, Step, Who,
};

/// A case of the catalogue.
#[derive(Clone, Debug)]
pub struct Case {
    /// Group letter and number.
    pub id: &'static str,
    /// One line on what it shows.
    pub title: String,
    /// On which kernels it can be carried out.
    pub only: Only,
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
    /// Threads that act at the same time (group Z).
    Race(&'static Race),
    /// A client of a named pipe (group U), which Windows alone has.
    Pipe(&'static Pipe),
    /// Nothing that can be done here: what it needs.
    Needs(&'static str),
}

/// The groups in the order of the specification, and then our own.
const GROUPS: &str = "DNTCOASXJMBRZUPLK";

/// Every case, in the order of the specification.
pub fn cases() -> Vec<Case> {
    let decisions = decision::ROWS.iter().map(|row| Case {
        id: row.id,
        title: row.title(),
        only: Only::NT,
        body: Body::Decision(row),
    });
    let scripts = [
        idle::SCRIPTS,
        slot::SCRIPTS,
        copy::SCRIPTS,
        open::SCRIPTS,
        access::SCRIPTS,
        save::SCRIPTS,
        threads::SCRIPTS,
        job::SCRIPTS,
        memory::SCRIPTS,
        references::SCRIPTS,
        user_mode::SCRIPTS,
        peios::SCRIPTS,
        level::SCRIPTS,
        connection::SCRIPTS,
    ];
    let scripts = scripts.into_iter().flatten().map(|script| Case {
        id: script.id,
        title: script.title.to_owned(),
        only: script.only,
        body: Body::Script(script),
    });
    let requests = memory::ROWS.iter().chain(bad_input::ROWS).map(|row| Case {
        id: row.id,
        title: row.title.to_owned(),
        only: Only::NT,
        body: Body::Requests(row),
    });
    let races = race::RACES.iter().map(|race| Case {
        id: race.id,
        title: race.title.to_owned(),
        only: race.only,
        body: Body::Race(race),
    });
    let pipes = pipe::PIPES.iter().map(|pipe| Case {
        id: pipe.id,
        title: pipe.title.to_owned(),
        only: Only::NT,
        body: Body::Pipe(pipe),
    });
    let needs = needs::ROWS.iter().map(|(id, title, needs)| Case {
        id,
        title: (*title).to_owned(),
        only: Only::ANY,
        body: Body::Needs(needs),
    });
    let mut cases: Vec<_> =
        decisions.chain(scripts).chain(requests).chain(races).chain(pipes).chain(needs).collect();
    // Numbers have two digits, so ids of a group sort as text.
    cases.sort_by_key(|case| (case.id.get(..1).and_then(|group| GROUPS.find(group)), case.id));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_are_complete_and_ids_are_unique() {
        let cases = cases();
        let count = |group| cases.iter().filter(|case| case.id.starts_with(group)).count();
        let counts = [
            ('D', 62),
            ('N', 13),
            ('T', 18),
            ('C', 13),
            ('O', 17),
            ('A', 20),
            ('S', 18),
            ('X', 18),
            ('J', 11),
            ('M', 9),
            // 19 of the specification, and B20 and B21.
            ('B', 21),
            ('R', 14),
            ('Z', 16),
            ('U', 16),
            ('P', 12),
            ('L', 18),
            ('K', 33),
        ];
        for (group, expected) in counts {
            assert_eq!((group, count(group)), (group, expected));
        }
        assert_eq!(cases.len(), 329);
        let mut ids: Vec<_> = cases.iter().map(|case| case.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), cases.len());
    }
}
