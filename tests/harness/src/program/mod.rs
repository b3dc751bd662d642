//! Random programs of calls, run call by call on equal machines. The results must
//! be the same, and keep the invariants.

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
        /// The token.
        token: ClientToken,
        /// Copy-on-open.
        copy_on_open: bool,
        /// Effective-only.
        effective_only: bool,
        /// Level, possibly out of range.
        level: u32,
        /// The rules mode.
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
    /// `ACCESS_CHECK` of an object that grants access to this user and to restricted code.
    AccessCheck(User),
    /// `OpenThreadToken` on the calling thread.
    Open,
    /// `SetThreadToken` with no token.
    SetThreadTokenNull,
    /// The server's privilege is enabled or disabled.
    Privilege(bool),
    /// `PsDisableImpersonation`, followed directly by `PsRestoreImpersonation`.
    DisableRestore,
    /// The server's primary token is replaced.
    Become(ServerToken),
    /// The thread begins to exit.
    Terminate,
    /// The device is opened again, by an administrator as long as the thread
    /// does not impersonate; the calls that follow use that file.
    OpenDevice,
    /// The calls that follow use this open file, in the order of opening.
    UseDevice(usize),
    /// The file in use is closed, with its saves.
    CloseDevice,
}

/// A failure that is injected into a call, if the call reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// Duplicating a token.
    Duplicate,
    /// Querying a token, after this number of queries that succeed.
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
    /// The calling thread.
    pub by: Actor,
    /// The thread that the call is about, for calls that can be about another
    /// thread. The others are about the caller.
    pub about: Actor,
    /// The call.
    pub call: Call,
    /// The failure injected into it.
    pub fail: Option<Fail>,
}

impl Step {
    /// The thread that a call is about.
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

/// Which thread makes a call about a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// The caller that the program names.
    AsGiven,
    /// The thread that the call is about. The results must be the same, since they
    /// do not depend on the caller.
    TheTarget,
}

/// The result of a call: the reply, and the slots afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    /// The reply without values that differ between loads, or the failure.
    reply: Result<Vec<u8>, Failure>,
    /// The slots as the kernel holds them.
    slots: Slots,
}

/// A save.
struct Save {
    id: u64,
    /// The slot at that time.
    slot: Option<SlotView>,
    /// The number of its file.
    file: usize,
    /// It was dropped, by DISCARD or by closing its file.
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
