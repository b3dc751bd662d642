//! What is logged of an operation when it has ended.

use crate::Reply;
use psimp_nt::Status;
use psimp_protocol::wire::{self, decided_by, slot_flags, verdict};
use psimp_protocol::{Ioctl, Operation};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// How much an operation matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventLevel {
    /// It was refused, or stored a lower level than was asked for.
    Warning,
    /// It changed a slot or the saves.
    Change,
    /// It looked.
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
    /// `TokenId` of the token in the slot that the reply describes.
    pub token_stored: u64,
    /// The save that SAVE made, or that RESTORE or DISCARD names; the connection that SERVE names
    /// or `NEXT_CLIENT` returns.
    pub id: u64,
    /// The control code.
    pub code: u32,
    /// The calling process. Not known here: the logger fills it in.
    pub process: u32,
    /// The calling thread. Not known here: the logger fills it in.
    pub thread: u32,
    /// The status that the request is completed with.
    pub status: u32,
    /// The level asked for; of RESTORE the level that was saved.
    pub level_asked: i32,
    /// The flags of IMPERSONATE, EVALUATE or SERVE, as the caller sent them.
    pub flags_asked: u32,
    /// The level of the slot that the reply describes; of EVALUATE the one that would be stored,
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
    /// There is no level.
    pub const NO_LEVEL: i32 = -1;
}

impl Record {
    /// What is logged of a request with this code and input that ended with `result`.
    pub fn new(code: u32, input: &[u8], result: Result<&Reply, Status>) -> Self {
        let row = Ioctl::by_code(code);
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
        if let Some(row) = row {
            record.operation = row.name;
            record.ask(row.operation, input);
            if let Ok(reply) = result {
                record.answer(row.operation, reply.as_bytes());
            }
        }
        record
    }

    fn ask(&mut self, operation: Operation, input: &[u8]) {
        match operation {
            Operation::Impersonate | Operation::Evaluate => {
                if let Ok(claim) = wire::Impersonate::read_from_bytes(input) {
                    self.payload.level_asked = claim.level.cast_signed();
                    self.payload.flags_asked = claim.flags;
                }
            }
            Operation::Serve => {
                if let Ok(claim) = wire::Serve::read_from_bytes(input) {
                    self.payload.level_asked = claim.level.cast_signed();
                    self.payload.flags_asked = claim.flags;
                    self.payload.id = claim.connection;
                }
            }
            Operation::Restore => {
                self.payload.id = wire::Restore::read_from_bytes(input).map_or(0, |claim| claim.save);
            }
            Operation::Discard => {
                self.payload.id = wire::Discard::read_from_bytes(input).map_or(0, |claim| claim.save);
            }
            _ => {}
        }
    }

    #[inline(never)]
    fn answer(&mut self, operation: Operation, reply: &[u8]) {
        self.level = EventLevel::Change;
        match operation {
            Operation::Version => self.level = EventLevel::ReadOnly,
            Operation::Discard => {}
            Operation::Impersonate | Operation::Restore | Operation::Serve => {
                if let Ok(outcome) = wire::Outcome::read_from_bytes(reply) {
                    self.outcome(&outcome);
                }
            }
            Operation::Evaluate => {
                self.level = EventLevel::ReadOnly;
                if let Ok(evaluation) = wire::Evaluation::read_from_bytes(reply) {
                    self.payload.level_stored = evaluation.level.cast_signed();
                    self.verdict = verdict_name(evaluation.verdict);
                    self.payload.rule = evaluation.rule;
                    self.decided_by = "driver";
                }
            }
            Operation::Query => {
                self.level = EventLevel::ReadOnly;
                self.slot(reply);
            }
            Operation::Revert | Operation::End => self.slot(reply),
            Operation::Save => {
                if let Ok((save, slot)) = u64::read_from_prefix(reply) {
                    self.payload.id = save;
                    self.slot(slot);
                }
            }
            Operation::AccessCheck => {
                self.level = EventLevel::ReadOnly;
                if let Ok(access) = wire::Access::read_from_bytes(reply) {
                    self.payload.granted = access.granted;
                }
            }
            Operation::WorkerCheck => {
                self.level = EventLevel::ReadOnly;
                if let Ok(access) = wire::WorkerAccess::read_from_bytes(reply) {
                    self.payload.granted = access.caller.granted;
                }
            }
            Operation::NextClient => {
                self.level = EventLevel::ReadOnly;
                if let Ok(client) = wire::Connection::read_from_bytes(reply) {
                    self.payload.id = client.id;
                    self.payload.level_stored = client.level.cast_signed();
                }
            }
        }
    }

    fn outcome(&mut self, outcome: &wire::Outcome) {
        // No token was asked for where an idle thread is restored, and so no level.
        if outcome.token_asked != 0 {
            self.payload.level_asked = outcome.level_asked.cast_signed();
        }
        self.payload.flags_stored = outcome.flags;
        self.verdict = verdict_name(outcome.verdict);
        self.payload.rule = outcome.rule;
        self.decided_by = if outcome.decided_by == decided_by::DRIVER { "driver" } else { "kernel" };
        self.payload.token_asked = outcome.token_asked;
        self.payload.token_stored = outcome.token_stored;
        if outcome.flags & slot_flags::ACTIVE != 0 {
            self.payload.level_stored = outcome.level_stored.cast_signed();
            if outcome.level_stored < outcome.level_asked {
                self.level = EventLevel::Warning;
            }
        }
    }

    fn slot(&mut self, reply: &[u8]) {
        if let Ok(slot) = wire::Slot::read_from_bytes(reply)
            && slot.flags & slot_flags::ACTIVE != 0
        {
            self.payload.level_stored = slot.level.cast_signed();
            self.payload.flags_stored = slot.flags;
            self.payload.token_stored = slot.token_id;
        }
    }
}

fn verdict_name(verdict: u32) -> &'static str {
    match verdict {
        verdict::KEPT => "kept",
        verdict::COPIED => "copied",
        _ => "ended",
    }
}
