//! The operations: one row each.
//!
//! A row has a sentence on what the operation does, its name, the structures of its input and of
//! its output, what it changes and the steps that can be refused. The function number is its
//! place in the table. A new operation is a row at the end, its structures in [`crate::wire`], and
//! an arm in `psimp_service::dispatch`.

mod ioctl;

pub use ioctl::{About, Access, Changes, Input, Ioctl, Step};

use crate::event::{EventLevel, EventPayload, Record};
use crate::layout::Structure;
use ioctl::{operations, short};
use psimp_nt::Status;

operations! {
    /// Returns the versions of the contract and of the driver, and which build it is.
    Version = "VERSION": Nothing -> Version, changes Nothing,
    steps [];

    /// Makes a thread impersonate a token, and reads back what the slot then holds.
    Impersonate = "IMPERSONATE": Impersonate -> Outcome, changes Slot,
    steps [OpenThread, OpenToken, CheckPrimaryToken, CheckTokenLevel, Assign];

    /// Reads a thread's slot.
    Query = "QUERY": Thread -> Slot, changes Nothing,
    steps [OpenThread];

    /// Keeps a thread's slot under an id.
    Save = "SAVE": Thread -> Saved, changes Saves,
    steps [OpenThread, UseSaves, AddSave];

    /// Assigns a kept slot again, as the rules decide now; the thread reverts if that fails. The save stays.
    Restore = "RESTORE": Restore -> Outcome, changes Slot,
    steps [OpenThread, UseSaves, FindSave, Assign];

    /// Drops a kept slot.
    Discard = "DISCARD": Discard -> Nothing, changes Saves,
    steps [UseSaves, FindSave];

    /// Ends the calling thread's impersonation (`PsRevertToSelf`).
    Revert = "REVERT": Nothing -> Slot, changes Slot,
    steps [];

    /// Ends a thread's impersonation (`PsImpersonateClient` without a token).
    End = "END": Thread -> Slot, changes Slot,
    steps [OpenThread];

    /// Returns what the documented rule decides, and the rules tried; changes nothing.
    Evaluate = "EVALUATE": Impersonate -> Evaluation, changes Nothing,
    steps [OpenThread, OpenToken, CheckTokenLevel];

    /// Checks access as the calling thread now is (`SeAccessCheck`, user mode).
    AccessCheck = "ACCESS_CHECK": AccessCheck -> Access, changes Nothing,
    steps [CheckAccess];

    /// Returns the first connection after an id that this server serves or could serve.
    NextClient = "NEXT_CLIENT": NextClient -> Connection, changes Nothing,
    steps [FindClient];

    /// Makes the calling thread impersonate a client that is connected.
    Serve = "SERVE": Serve -> Outcome, changes Slot,
    steps [AcceptClient, Assign];

    /// Checks access as `ACCESS_CHECK` does, and as a worker thread of the system; no thread is raised.
    WorkerCheck = "WORKER_CHECK": AccessCheck -> WorkerAccess, changes Nothing,
    steps [CheckAccess];
}

impl Record {
    /// Reports a request of this code and input that ended with this reply or status. What of the
    /// structures goes into it is declared with them, in [`crate::wire`].
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;

    /// The codes as other programs will have them compiled in.
    #[test]
    fn codes_are_the_published_ones() {
        let expected: &[(&str, u32)] = &[
            ("VERSION", 0x0022_6000),
            ("IMPERSONATE", 0x0022_A004),
            ("QUERY", 0x0022_6008),
            ("SAVE", 0x0022_A00C),
            ("RESTORE", 0x0022_A010),
            ("DISCARD", 0x0022_A014),
            ("REVERT", 0x0022_A018),
            ("END", 0x0022_A01C),
            ("EVALUATE", 0x0022_6020),
            ("ACCESS_CHECK", 0x0022_6024),
            ("NEXT_CLIENT", 0x0022_6028),
            ("SERVE", 0x0022_A02C),
            ("WORKER_CHECK", 0x0022_6030),
        ];
        assert_eq!(IOCTLS.len(), expected.len());
        for (row, &(name, code)) in IOCTLS.iter().zip(expected) {
            assert_eq!((row.name, row.code()), (name, code));
        }
    }

    #[test]
    fn every_row_is_found_by_code_and_by_operation() {
        for row in IOCTLS {
            assert_eq!(Ioctl::by_code(row.code()), Some(row));
            assert_eq!(Ioctl::of(row.operation), row);
        }
        assert_eq!(Ioctl::by_code(Ioctl::NEXT_FREE_CODE), None);
        assert_eq!(Ioctl::by_code(0x0022_6004), None, "IMPERSONATE under another access");
    }

    #[test]
    fn every_input_has_an_example_of_its_length() {
        for row in IOCTLS {
            let Layout { size, example, tail: (name, tail), .. } = *row.about().input;
            assert_eq!(example.len(), size, "{}", row.name);
            assert_eq!(name.is_empty(), tail.is_empty(), "{}", row.name);
            assert!(row.input.takes(example.len() + tail.len()), "{}", row.name);
        }
    }
}
