//! Replies and slots in a form that does not depend on the load of a driver.

use crate::machine::Machine;
use crate::observe::SlotView;
use psimp_model::SlotState;
use psimp_protocol::layout::{Kind, Layout};
use psimp_protocol::{Ioctl, Operation, wire};

/// The token ids of one machine, as distances from the first: loading an
/// image uses some ids before that.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    base: u64,
}

impl Ids {
    /// Counts from the newest token on this machine, the server's primary token.
    pub fn since_primary(machine: &Machine) -> Self {
        Self { base: machine.process.primary().id().0 }
    }

    /// An id that can be compared between machines.
    pub fn id(self, id: u64) -> u64 {
        const LATER: u64 = 1 << 32;
        id.checked_sub(self.base).map_or(id, |distance| LATER + distance)
    }

    /// A slot as the kernel holds it.
    pub fn view(self, slot: &SlotState) -> SlotView {
        let slot = SlotView::from(slot);
        SlotView { token_id: self.id(slot.token_id), ..slot }
    }

    /// A slot as the driver reports it.
    pub fn slot(self, slot: wire::Slot) -> wire::Slot {
        wire::Slot { token_id: self.id(slot.token_id), ..slot }
    }

    /// The outcome of IMPERSONATE, RESTORE or SERVE.
    pub fn outcome(self, outcome: wire::Outcome) -> wire::Outcome {
        let (token_asked, token_stored) = (self.id(outcome.token_asked), self.id(outcome.token_stored));
        wire::Outcome { token_asked, token_stored, ..outcome }
    }

    /// A reply without values that differ between loads: token ids, the ids of saves and
    /// connections, process ids, the build.
    pub fn reply(self, operation: Operation, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        self.normalize(Ioctl::of(operation).about().output, &mut bytes);
        bytes
    }

    fn normalize(self, layout: &Layout, structure: &mut [u8]) {
        for field in layout.fields {
            match field.kind {
                Kind::TokenId => {
                    let id = field.read(structure).map_or(0, |id| self.id(id));
                    field.write(structure, id);
                }
                Kind::SaveId
                | Kind::ConnectionId
                | Kind::ConnectionIdOrZero
                | Kind::ProcessId
                | Kind::BuildId => {
                    field.bytes_of(structure).unwrap_or_default().fill(0);
                }
                Kind::Structure(inner) | Kind::Array(inner) => {
                    let bytes = field.bytes_of(structure).unwrap_or_default();
                    bytes.chunks_mut(inner.size).for_each(|one| self.normalize(inner, one));
                }
                Kind::Plain(_)
                | Kind::Level
                | Kind::Handle
                | Kind::AccessMask
                | Kind::Status
                | Kind::Luid => {}
            }
        }
    }
}
