//! Cases in which threads act at the same time.
//!
//! What each thread does is fixed, the order of their turns is not. So each result
//! and the end state have a list of allowed values instead of one expected value.
//! A schedule is made from a seed, and the same seed gives the same schedule.

mod rows;

pub(crate) use rows::RACES;

use crate::{AppliesTo, ClientToken, ServerToken, Who};
use psimp_nt::Status;
use psimp_protocol::RulesMode;
use psimp_rules::{Family, Kernel};

/// Threads that act at the same time.
#[derive(Clone, Copy, Debug)]
pub struct Race {
    /// Group letter and number.
    pub id: &'static str,
    /// One line on what it shows.
    pub title: &'static str,
    /// The server's primary token.
    pub server: ServerToken,
    /// Where it can be carried out.
    pub only: AppliesTo,
    /// The rules mode, if the case is about one of the two.
    pub rules: Option<RulesMode>,
    /// What T1 does before.
    pub before: &'static [Act],
    /// What each thread does.
    pub parts: &'static [(Who, &'static [Act])],
    /// What T1 does when all parts are over.
    pub after: &'static [Act],
    /// The allowed end states.
    pub ends: RaceOutcomes,
}

/// One act of a thread. Other threads may get their turn before it, and at every
/// call that the driver makes for it.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// These acts, this many times.
    Repeat(u32, &'static [Self]),
    /// IMPERSONATE.
    Impersonate {
        /// The thread that it names.
        on: ThreadArg,
        /// The token.
        token: TokenArg,
        /// Copy-on-open.
        copy_on_open: bool,
        /// Effective-only.
        effective_only: bool,
        /// Level.
        level: u32,
        /// The allowed statuses.
        allowed: &'static [Status],
    },
    /// END.
    End(ThreadArg, &'static [Status]),
    /// REVERT, which cannot fail.
    Revert,
    /// QUERY: the slots that it may report, and the statuses it may return.
    Query(ThreadArg, &'static [&'static str], &'static [Status]),
    /// SAVE, kept under this number: the slots that it may report, and the
    /// statuses it may return.
    Save(ThreadArg, usize, &'static [&'static str], &'static [Status]),
    /// RESTORE of what is kept under this number.
    Restore(ThreadArg, usize, &'static [Status]),
    /// DISCARD of it.
    Discard(usize, &'static [Status]),
    /// A handle of the process on a token, under this number, with all access.
    TokenHandle(usize, ClientToken),
    /// The same, on a thread.
    ThreadHandle(usize, Who),
    /// `CloseHandle` of that handle. Its number keeps the value.
    CloseHandle(usize),
    /// Another handle that gets the same value, for another token.
    ReuseHandle(usize, ClientToken),
    /// `OpenThreadToken(TOKEN_QUERY)` with `OpenAsSelf`: the allowed results, in
    /// the notation of an open without its first word.
    Open(Who, &'static [&'static str]),
    /// `SeImpersonatePrivilege` of the server's primary token is enabled, or
    /// disabled.
    Privilege(bool),
    /// The server's primary token is replaced.
    BecomeServer(ServerToken),
    /// `PsDisableImpersonation` on the calling thread, kept under this number.
    Disable(usize),
    /// `PsRestoreImpersonation` of it.
    RestoreDisabled(usize),
    /// The thread exits: it does nothing else, and only handles to it keep its
    /// object.
    Exit,
    /// The requests in flight on the device's handle are cancelled.
    Cancel(&'static [Status]),
    /// The last handle of the device is closed.
    Cleanup,
    /// The same, once no request is in flight; then the driver is unloaded.
    Unload,
    /// References on a token, beyond those at the start.
    References(ClientToken, &'static [i64]),
}

/// The thread that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadArg {
    /// The thread that sends it.
    Own,
    /// This one, by a handle that exists only for this request.
    Of(Who),
    /// By this handle.
    Handle(usize),
    /// By this one's thread id, which is not a handle.
    Id(Who),
}

/// The token that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenArg {
    /// This one, by a handle that exists only for this request.
    Token(ClientToken),
    /// By this handle.
    Handle(usize),
}

/// The allowed end states, after all threads have finished.
#[derive(Clone, Copy, Debug)]
pub enum RaceOutcomes {
    /// The same on every setup.
    Same(&'static [RaceOutcome]),
    /// Where the documented downgrades apply, in the kernel or in the driver;
    /// and elsewhere.
    ByDocument(&'static [RaceOutcome], &'static [RaceOutcome]),
    /// On NT 5.2; and elsewhere.
    ByNt52(&'static [RaceOutcome], &'static [RaceOutcome]),
}

/// One allowed end state.
#[derive(Clone, Copy, Debug)]
pub struct RaceOutcome {
    /// Slots, as the kernel holds them.
    pub slots: &'static [(Who, &'static str)],
    /// References on tokens, beyond those at the start.
    pub references: &'static [(ClientToken, i64)],
    /// At least one schedule of a run must reach it.
    pub must_occur: bool,
}

impl RaceOutcomes {
    /// The allowed end states on a kernel, with the driver's documented rules or without.
    pub fn of(&self, kernel: Kernel, documented_rules: bool) -> &'static [RaceOutcome] {
        match *self {
            Self::Same(ends) => ends,
            Self::ByDocument(here, elsewhere) => {
                if documented_rules || kernel.family() == Family::Documented { here } else { elsewhere }
            }
            Self::ByNt52(here, elsewhere) => {
                if kernel.family() == Family::Nt52 {
                    here
                } else {
                    elsewhere
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RACES, RaceOutcomes};

    #[test]
    fn the_ends_of_a_race_speak_of_the_same_threads_and_tokens() {
        for race in RACES {
            let lists = match race.ends {
                RaceOutcomes::Same(ends) => vec![ends],
                RaceOutcomes::ByDocument(one, other) | RaceOutcomes::ByNt52(one, other) => vec![one, other],
            };
            for ends in lists {
                let subjects: Vec<(Vec<_>, Vec<_>)> = ends
                    .iter()
                    .map(|end| {
                        (
                            end.slots.iter().map(|slot| slot.0).collect(),
                            end.references.iter().map(|tok| tok.0).collect(),
                        )
                    })
                    .collect();
                assert!(subjects.windows(2).all(|pair| pair[0] == pair[1]), "{}", race.id);
                assert!(ends.iter().any(|end| end.must_occur), "{}", race.id);
            }
        }
    }
}
