//! Replies and slots in a form that is the same on every load of a driver.

use crate::machine::Machine;
use crate::observe::SlotView;
use psimp_model::SlotState;
use psimp_protocol::{Operation, wire};
use zerocopy::{FromBytes, IntoBytes};

/// The token ids of one machine, told by their distance from a beginning: a
/// loaded image uses some up before that.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    base: u64,
}

impl Ids {
    /// Counts from the newest token on this machine, the server's primary one.
    pub fn since_primary(machine: &Machine) -> Self {
        Self { base: machine.process.primary().id().0 }
    }

    /// An id that compares between machines.
    pub fn id(self, id: u64) -> u64 {
        const LATER: u64 = 1 << 32;
        id.checked_sub(self.base).map_or(id, |distance| LATER + distance)
    }

    /// A slot as the kernel holds it.
    pub fn view(self, slot: &SlotState) -> SlotView {
        let slot = SlotView::from(slot);
        SlotView { token_id: self.id(slot.token_id), ..slot }
    }

    /// A slot as the driver tells it.
    pub fn slot(self, slot: wire::Slot) -> wire::Slot {
        wire::Slot { token_id: self.id(slot.token_id), ..slot }
    }

    /// What came of an IMPERSONATE, a RESTORE or a SERVE.
    pub fn outcome(self, outcome: wire::Outcome) -> wire::Outcome {
        let (token_asked, token_stored) = (self.id(outcome.token_asked), self.id(outcome.token_stored));
        wire::Outcome { token_asked, token_stored, ..outcome }
    }

    /// A reply without what differs from load to load: token ids, numbers of
    /// saves, connections and processes, the build. Bytes that are no reply of the operation stay.
    pub fn reply(self, operation: Operation, bytes: &[u8]) -> Vec<u8> {
        self.structure(operation, bytes).unwrap_or_else(|| bytes.to_vec())
    }

    fn structure(self, operation: Operation, bytes: &[u8]) -> Option<Vec<u8>> {
        match operation {
            Operation::Version => {
                let version = wire::Version::read_from_bytes(bytes).ok()?;
                Some(wire::Version { build_id: [0; 16], ..version }.as_bytes().to_vec())
            }
            Operation::Impersonate | Operation::Restore | Operation::Serve => {
                let outcome = wire::Outcome::read_from_bytes(bytes).ok()?;
                Some(self.outcome(outcome).as_bytes().to_vec())
            }
            Operation::Query | Operation::Revert | Operation::End => {
                let slot = wire::Slot::read_from_bytes(bytes).ok()?;
                Some(self.slot(slot).as_bytes().to_vec())
            }
            Operation::Save => {
                let saved = wire::Saved::read_from_bytes(bytes).ok()?;
                Some(wire::Saved { save: 0, slot: self.slot(saved.slot) }.as_bytes().to_vec())
            }
            Operation::NextClient => {
                let client = wire::Connection::read_from_bytes(bytes).ok()?;
                Some(wire::Connection { id: 0, process: 0, ..client }.as_bytes().to_vec())
            }
            Operation::Discard | Operation::Evaluate | Operation::AccessCheck | Operation::WorkerCheck => {
                None
            }
        }
    }
}
