//! The event that reports an operation that is over, for whoever traces the driver.

use crate::wire::{self, decided_by, slot_flags, verdict};
use crate::{Changes, Ioctl};
use psimp_nt::Status;
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
    /// The flags of IMPERSONATE, EVALUATE or SERVE, as the caller sent them.
    pub flags_asked: u32,
    /// The level of the slot that the reply reports; of EVALUATE the one that would be stored,
    /// of `NEXT_CLIENT` the one that the client allows.
    pub level_stored: i32,
    /// [`slot_flags`] of that slot.
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
    /// Reports a request of this code and input that ended with this reply or status. What of the
    /// structures goes into it is declared with them, in [`wire`].
    pub fn new(code: u32, input: &[u8], result: Result<&[u8], Status>) -> Self {
        let payload = EventPayload {
            token_asked: 0,
            token_stored: 0,
            id: 0,
            code,
            process: 0,
            thread: 0,
            status: result.err().unwrap_or(Status::SUCCESS).0,
            level_asked: EventPayload::NO_LEVEL,
            flags_asked: 0,
            level_stored: EventPayload::NO_LEVEL,
            flags_stored: 0,
            rule: 0,
            granted: 0,
        };
        let mut record =
            Self { operation: "", level: EventLevel::Warning, verdict: "", decided_by: "", payload };
        if let Some(row) = Ioctl::by_code(code) {
            record.operation = row.name;
            row.operation.report_input(input, &mut record);
            if let Ok(reply) = result {
                record.level = row.event_level();
                row.operation.report_reply(reply, &mut record);
            }
        }
        record
    }

    pub(crate) fn asked(&mut self, level: u32, flags: u32) {
        self.payload.level_asked = level.cast_signed();
        self.payload.flags_asked = flags;
    }

    pub(crate) fn decided(&mut self, verdict: u32, rule: u32, by: u32) {
        self.verdict = match verdict {
            verdict::KEPT => "kept",
            verdict::COPIED => "copied",
            _ => "ended",
        };
        self.payload.rule = rule;
        self.decided_by = if by == decided_by::DRIVER { "driver" } else { "kernel" };
    }

    pub(crate) fn outcome(&mut self, outcome: &wire::Outcome) {
        // No token was asked for where an idle thread is restored, and so no level.
        if outcome.token_asked != 0 {
            self.payload.level_asked = outcome.level_asked.cast_signed();
        }
        self.payload.flags_stored = outcome.flags;
        self.decided(outcome.verdict, outcome.rule, outcome.decided_by);
        self.payload.token_asked = outcome.token_asked;
        self.payload.token_stored = outcome.token_stored;
        if outcome.flags & slot_flags::ACTIVE != 0 {
            self.payload.level_stored = outcome.level_stored.cast_signed();
            if outcome.level_stored < outcome.level_asked {
                self.level = EventLevel::Warning;
            }
        }
    }

    pub(crate) fn slot(&mut self, slot: &wire::Slot) {
        if slot.flags & slot_flags::ACTIVE != 0 {
            self.payload.level_stored = slot.level.cast_signed();
            self.payload.flags_stored = slot.flags;
            self.payload.token_stored = slot.token_id;
        }
    }
}

impl Ioctl {
    /// The level of its event when it is done and stored no lower level than was asked for.
    pub const fn event_level(&self) -> EventLevel {
        match self.changes {
            Changes::Nothing => EventLevel::ReadOnly,
            Changes::Slot | Changes::Saves => EventLevel::Change,
        }
    }
}
