//! Random programs of calls, run call for call on equal machines; what they show
//! must be the same, and keep the invariants.

mod invariants;
mod side;

use crate::driver::{Failure, Source};
use crate::observe::SlotView;
use psimp_catalogue::{ClientToken, ServerToken, User};
use psimp_model::Kernel;
use psimp_protocol::RulesMode;
use side::Side;

/// One call of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// IMPERSONATE.
    Impersonate {
        /// Which token.
        token: ClientToken,
        /// Copy-on-open.
        copy_on_open: bool,
        /// Effective-only.
        effective_only: bool,
        /// Level, also out of range.
        level: u32,
        /// Who decides.
        rules: RulesMode,
    },
    /// EVALUATE of a token at a level.
    Evaluate(ClientToken, u32),
    /// QUERY.
    Query,
    /// SAVE.
    Save,
    /// RESTORE of the save with this number in the order of saving.
    Restore(usize),
    /// DISCARD of it.
    Discard(usize),
    /// REVERT.
    Revert,
    /// END.
    End,
    /// `ACCESS_CHECK` on what this user, and restricted code, may use.
    AccessCheck(User),
    /// `OpenThreadToken` on the own thread.
    Open,
    /// `SetThreadToken` with no token.
    SetThreadTokenNull,
    /// The server's privilege is enabled or disabled.
    Privilege(bool),
    /// `PsDisableImpersonation` and at once `PsRestoreImpersonation`.
    DisableRestore,
    /// The server's primary token is replaced.
    Become(ServerToken),
    /// The thread begins to exit.
    Terminate,
    /// The device is opened once more, by an administrator as long as the
    /// thread does not impersonate; the calls that follow use that file.
    OpenDevice,
    /// The calls that follow use this open file, in the order of opening.
    UseDevice(usize),
    /// The file in use is closed, with its saves.
    CloseDevice,
}

/// A failure that meets a call, if the call gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// Duplicating a token.
    Duplicate,
    /// Querying a token, after so many queries that succeed.
    Query(u32),
}

/// The two threads of the server process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The first.
    One,
    /// The second.
    Two,
}

/// A step of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who calls.
    pub by: Actor,
    /// Whom a call is about that can be about another thread. The others are
    /// about the caller.
    pub about: Actor,
    /// The call.
    pub call: Call,
    /// What fails in it.
    pub fail: Option<Fail>,
}

impl Step {
    /// Whom a call is about.
    fn target(&self) -> Actor {
        match self.call {
            Call::Impersonate { .. }
            | Call::Evaluate(..)
            | Call::Query
            | Call::Save
            | Call::Restore(_)
            | Call::End
            | Call::DisableRestore
            | Call::Terminate => self.about,
            Call::Discard(_)
            | Call::Revert
            | Call::AccessCheck(_)
            | Call::Open
            | Call::SetThreadTokenNull
            | Call::Privilege(_)
            | Call::Become(_)
            | Call::OpenDevice
            | Call::UseDevice(_)
            | Call::CloseDevice => self.by,
        }
    }
}

/// Who makes a call about a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// The caller that the program names.
    AsGiven,
    /// The thread that the call is about: what comes must be the same, since
    /// nothing depends on who calls.
    TheTarget,
}

/// What a call shows: what came back, and the slots afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    /// The reply without what differs from load to load, or the failure.
    reply: Result<Vec<u8>, Failure>,
    /// The slots as the kernel holds them.
    slots: Slots,
}

/// What SAVE kept.
struct Save {
    id: u64,
    /// The slot at that time.
    slot: Option<SlotView>,
    /// The number of its file.
    file: usize,
    /// DISCARD has dropped it, or the close of its file.
    discarded: bool,
}

/// The slots of the two threads.
type Slots = [Option<SlotView>; 2];

/// Runs a program on every source.
///
/// # Errors
/// The number of the call at which they differ or break an invariant, and how.
pub fn compare(
    sources: &[(&Source, Callers)],
    kernel: Kernel,
    server: ServerToken,
    program: &[Step],
) -> Result<(), String> {
    let start = |(source, callers): &(&Source, Callers)| Side::start(source, *callers, kernel, server);
    let mut sides = sources.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    for (number, step) in program.iter().enumerate() {
        let mut first: Option<Shown> = None;
        for side in &mut sides {
            let before = side.slots();
            let shown = side.run(step);
            let broken = match &first {
                Some(first) if *first != shown => Err(format!("{first:?} against {shown:?}")),
                Some(_) => side.references(),
                None => invariants::check(kernel, step, &before, &shown, side.saves())
                    .map_err(|broken| format!("{broken}: {before:?}, then {shown:?}"))
                    .and_then(|()| side.references()),
            };
            broken.map_err(|broken| format!("call {number}, {step:?}: {broken}"))?;
            first.get_or_insert(shown);
        }
    }
    sides.into_iter().try_for_each(Side::finish)
}
