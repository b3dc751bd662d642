//! The slot in a reply, and whether any thread assigned it.

use super::world::{Values, World};
use crate::observe::SlotView;
use psimp_protocol::wire::{self, slot_flags};

/// A reply.
pub(super) enum SlotReply {
    /// Without a slot.
    Nothing,
    /// A slot.
    Slot(wire::Slot),
    /// A slot after an impersonation.
    Outcome(wire::Outcome),
}

impl SlotReply {
    /// What is wrong with the slot, if it is a mixture of two.
    pub(super) fn is_torn(&self, world: &World) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Slot(slot) => match SlotView::from_reply(slot) {
                Ok(Some(view)) if !world.is_assigned(&view) => Some(format!("{view:?}")),
                Ok(_) => None,
                Err(problem) => Some(problem),
            },
            Self::Outcome(outcome) => {
                // Another thread may have ended the impersonation since.
                if outcome.flags & slot_flags::ACTIVE == 0 {
                    return (outcome.token_stored != 0 || outcome.level_stored != 0)
                        .then(|| format!("{outcome:?}"));
                }
                let values = Values {
                    copy_on_open: outcome.flags & slot_flags::COPY_ON_OPEN != 0,
                    effective_only: outcome.flags & slot_flags::EFFECTIVE_ONLY != 0,
                    level: outcome.level_stored,
                };
                let assigned = world.is_assigned_id(outcome.token_stored, outcome.authentication_id, values);
                (!assigned).then(|| format!("{outcome:?}"))
            }
        }
    }
}
