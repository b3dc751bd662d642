//! The trace event of a finished operation.

use zerocopy::{Immutable, IntoBytes};

/// How much an operation matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventLevel {
    /// It was refused, or stored a lower level than was asked for.
    Warning,
    /// It changed a slot or the saves.
    Change,
    /// It changed nothing.
    ReadOnly,
}

/// One operation: what was asked, and what came of it. Handles, SIDs and descriptors are left
/// out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Name in the table of control codes; empty for a code that is not there.
    pub operation: &'static str,
    /// How much it matters.
    pub level: EventLevel,
    /// `kept`, `copied` or `ended`; empty when nothing was decided.
    pub verdict: &'static str,
    /// `driver` or `kernel`; empty when nothing was decided.
    pub decided_by: &'static str,
    /// The rest.
    pub payload: EventPayload,
}

/// The numbers of a [`Record`]. What an operation does not have is zero, and
/// [`EventPayload::NO_LEVEL`] for a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoBytes, Immutable)]
#[repr(C)]
pub struct EventPayload {
    /// `TokenId` of the token behind the handle of IMPERSONATE, or of the one saved.
    pub token_asked: u64,
    /// `TokenId` of the token in the slot that the reply reports.
    pub token_stored: u64,
    /// The save that SAVE made, or that RESTORE or DISCARD names; the connection that SERVE names
    /// or `NEXT_CLIENT` returns.
    pub id: u64,
    /// The control code.
    pub code: u32,
    /// The calling process. Not known here: the caller fills it in.
    pub process: u32,
    /// The calling thread. Not known here: the caller fills it in.
    pub thread: u32,
    /// The status that the request is completed with.
    pub status: u32,
    /// The level asked for; of RESTORE the level that was saved.
    pub level_asked: i32,
    /// The flags of IMPERSONATE, RESTORE, EVALUATE or SERVE, as the caller sent them.
    pub flags_asked: u32,
    /// The level of the slot that the reply reports; of EVALUATE the one that would be stored,
    /// of `NEXT_CLIENT` the one that the client allows.
    pub level_stored: i32,
    /// [`slot_flags`](crate::wire::slot_flags) of that slot.
    pub flags_stored: u32,
    /// Number of the deciding `psimp_rules::Rule`; zero when none is known.
    pub rule: u32,
    /// The access that `ACCESS_CHECK` or `WORKER_CHECK` granted to the caller.
    pub granted: u32,
}

impl EventPayload {
    /// There is no level to report.
    pub const NO_LEVEL: i32 = -1;
}

impl Record {
    pub(crate) fn asked(&mut self, level: u32, flags: u32) {
        self.payload.level_asked = level.cast_signed();
        self.payload.flags_asked = flags;
    }
}
