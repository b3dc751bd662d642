//! The cases, as data.
//!
//! Every expected value is a literal from the specification of thread
//! impersonation (`docs/semantics.md`), in its own short notation; nothing here
//! is computed by the rules, the service or the driver. The harness carries the
//! cases out on a target and writes what it observed in the same notation.
//!
//! # Groups
//! The letter of an id is its group, and [`GROUPS`] has the files of each. Cases that nothing here can
//! carry out are in `needs.rs`.
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

pub use applies_to::AppliesTo;
pub use bad_input::{Attempt, Caller, Edit, Handle, Opening, Output, Requests};
pub use decision::{Column, DecisionRow, Driver, Observed};
pub use fixture::{ClientToken, Fixture, Logon, Privilege, ServerToken, User};
pub use pipe::Pipe;
pub use race::{Act, Race, RaceOutcome, RaceOutcomes, ThreadArg, TokenArg};
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
    pub only: AppliesTo,
    /// What to do and what to expect.
    pub body: Body,
}

/// The kinds of cases.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// One `PsImpersonateClient` on an idle thread (group D).
    Decision(&'static DecisionRow),
    /// A sequence of calls, with checks of the thread.
    Script(&'static Script),
    /// Requests that the driver must refuse, or must accept (group B).
    Requests(&'static Requests),
    /// Threads that act at the same time (group Z).
    Race(&'static Race),
    /// A client of a named pipe (group U), on Windows only.
    Pipe(&'static Pipe),
    /// A case that cannot be carried out here: what it needs.
    Needs(&'static str),
}

/// Cases about one subject.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The first letter of its cases' ids.
    pub letter: char,
    /// Its subject.
    pub name: &'static str,
    /// Its files in `src/`.
    pub files: &'static [&'static str],
}

/// The groups in the order of the specification, followed by this project's own.
pub const GROUPS: &[Group] = &[
    Group { letter: 'D', name: "decision", files: &["decision.rs"] },
    Group { letter: 'N', name: "null token and revert", files: &["idle.rs"] },
    Group { letter: 'T', name: "slot contents", files: &["slot.rs"] },
    Group { letter: 'C', name: "the downgrade copy", files: &["copy.rs"] },
    Group { letter: 'O', name: "OpenThreadToken", files: &["open.rs"] },
    Group { letter: 'A', name: "access checks", files: &["access.rs"] },
    Group { letter: 'S', name: "save and restore", files: &["save.rs"] },
    Group { letter: 'X', name: "other threads", files: &["threads.rs"] },
    Group { letter: 'J', name: "jobs", files: &["job.rs"] },
    Group { letter: 'M', name: "memory failure", files: &["memory.rs"] },
    Group { letter: 'B', name: "bad input", files: &["bad_input.rs"] },
    Group { letter: 'R', name: "references", files: &["references.rs"] },
    Group { letter: 'Z', name: "races", files: &["race/rows.rs"] },
    Group { letter: 'U', name: "user-mode", files: &["user_mode.rs", "pipe.rs"] },
    Group { letter: 'P', name: "Peios", files: &["peios.rs"] },
    Group { letter: 'L', name: "levels", files: &["level.rs"] },
    Group { letter: 'K', name: "connections", files: &["connection.rs"] },
];

/// Every case, in the order of the specification.
pub fn cases() -> Vec<Case> {
    let case = |id, title: &str, only, body| Case { id, title: title.to_owned(), only, body };
    let decisions =
        decision::ROWS.iter().map(|row| case(row.id, &row.title(), AppliesTo::NT, Body::Decision(row)));
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
    let scripts = scripts.into_iter().flatten();
    let scripts = scripts.map(|script| case(script.id, script.title, script.only, Body::Script(script)));
    let requests = memory::ROWS.iter().chain(bad_input::ROWS);
    let requests = requests.map(|row| case(row.id, row.title, AppliesTo::NT, Body::Requests(row)));
    let races = race::RACES.iter().map(|race| case(race.id, race.title, race.only, Body::Race(race)));
    let pipes = pipe::PIPES.iter().map(|pipe| case(pipe.id, pipe.title, AppliesTo::NT, Body::Pipe(pipe)));
    let needs =
        needs::ROWS.iter().map(|(id, title, needs)| case(id, title, AppliesTo::ANY, Body::Needs(needs)));
    let mut cases: Vec<_> =
        decisions.chain(scripts).chain(requests).chain(races).chain(pipes).chain(needs).collect();
    // Numbers have two digits, so ids of a group sort as text.
    cases.sort_by_key(|case| (GROUPS.iter().position(|group| case.id.starts_with(group.letter)), case.id));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_group_numbers_its_cases_from_one_without_a_gap() {
        let cases = cases();
        for group in GROUPS {
            let ids = cases.iter().map(|case| case.id).filter(|id| id.starts_with(group.letter));
            for (number, id) in (1..).zip(ids) {
                assert_eq!(id, format!("{}{number:02}", group.letter));
            }
        }
        let grouped =
            cases.iter().filter(|case| GROUPS.iter().any(|group| case.id.starts_with(group.letter)));
        assert_eq!(grouped.count(), cases.len(), "a case is in no group");
    }

    #[test]
    fn groups_name_the_file_of_every_case() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let read = |file: &str| fs::read_to_string(folder.join(file)).expect("the file is there");
        for Group { letter, files, .. } in GROUPS {
            let text: String = files.iter().chain(&["needs.rs"]).map(|file| read(file)).collect();
            for case in cases().iter().filter(|case| case.id.starts_with(*letter)) {
                assert!(text.contains(&format!("\"{}\"", case.id)), "{} is not in {files:?}", case.id);
            }
        }
    }
}
