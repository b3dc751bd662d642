//! Invariants that no call may break, whatever the program.

use super::{Actor, Call, Save, Shown, Slots, Step};
use crate::driver::Failure;
use crate::observe::SlotView;
use psimp_model::Kernel;
use psimp_nt::Status;
use psimp_protocol::wire::{self, verdict};
use psimp_rules::AnonymousClient;
use zerocopy::FromBytes;

/// The invariants of the specification that one call can break.
pub(super) fn check(
    kernel: Kernel,
    step: &Step,
    before: &Slots,
    shown: &Shown,
    saves: &[Save],
) -> Result<(), &'static str> {
    let ([before_one, before_two], [one, two]) = (before, &shown.slots);
    let (before, after, other_before, other) = match step.target() {
        Actor::One => (before_one, one, before_two, two),
        Actor::Two => (before_two, two, before_one, one),
    };
    if other_before != other {
        return Err("a call changed the slot of a thread that it is not about");
    }
    let (before, after) = (before.as_ref(), after.as_ref());
    match (step.call, &shown.reply) {
        (_, Err(Failure::Fault(_))) => Err("a contract was broken"),
        (Call::Restore(_), Err(Failure::Status(Status::NOT_FOUND))) if after != before => {
            Err("a save that is not there changed the slot")
        }
        // A RESTORE that fails in the kernel ends the impersonation.
        (Call::Restore(_), Err(_)) if after.is_some() && after != before => {
            Err("a failed restore left another slot")
        }
        (Call::Restore(_), Err(_)) => Ok(()),
        (_, Err(_)) if after != before => Err("a refused call changed the slot"),
        (Call::Revert | Call::End | Call::SetThreadTokenNull, Ok(_)) if after.is_some() => {
            Err("an ended impersonation is still there")
        }
        (Call::Impersonate { level, .. }, Ok(reply)) => outcome(reply, level, after),
        (Call::Restore(number), Ok(reply)) => restored(reply, saves.get(number), after),
        // A thread that can open nothing is granted nothing.
        (Call::AccessCheck(_), Ok(reply)) if opens_nothing(kernel, after) && !reply.starts_with(&[0; 4]) => {
            Err("a slot below Impersonation opened something")
        }
        (Call::DisableRestore, Ok(_)) if after != before => {
            Err("disabling and restoring is not the identity")
        }
        (Call::Query | Call::Evaluate(..) | Call::Save | Call::Discard(_), Ok(_)) if after != before => {
            Err("a call that only looks changed the slot")
        }
        _ => Ok(()),
    }
}

/// Whether the slot is below Impersonation; Peios checks access at Anonymous as S-1-5-7.
fn opens_nothing(kernel: Kernel, slot: Option<&SlotView>) -> bool {
    slot.is_some_and(|slot| {
        slot.level == 1 || slot.level == 0 && kernel.facts().anonymous_client == AnonymousClient::Refused
    })
}

/// IMPERSONATE: never above the requested level; a kept token is the requested
/// one, a copy is another object and at most at Identification.
fn outcome(reply: &[u8], level: u32, after: Option<&SlotView>) -> Result<(), &'static str> {
    let Ok(outcome) = wire::Outcome::read_from_bytes(reply) else {
        return Err("an outcome of another length");
    };
    let Some(slot) = after else { return Err("success without an impersonation") };
    if slot.level > level {
        return Err("a level above the one asked");
    }
    let same = slot.token_id == outcome.token_asked;
    match outcome.verdict {
        verdict::KEPT if same && slot.level == level => Ok(()),
        verdict::COPIED if !same && slot.level <= 1 && slot.own_level == slot.level => Ok(()),
        _ => Err("verdict and slot differ"),
    }
}

/// RESTORE: the saved slot is restored exactly if the kernel still keeps the
/// token; else a weaker copy is stored, with the saved flags.
fn restored(reply: &[u8], save: Option<&Save>, after: Option<&SlotView>) -> Result<(), &'static str> {
    let Ok(outcome) = wire::Outcome::read_from_bytes(reply) else {
        return Err("an outcome of another length");
    };
    let Some(save) = save.filter(|save| !save.discarded) else { return Err("a save that is gone came back") };
    let (saved, slot) = match (&save.slot, after) {
        (None, None) => return Ok(()),
        (Some(saved), Some(slot)) => (saved, slot),
        _ => return Err("an impersonation came back idle, or the other way round"),
    };
    if slot.level > saved.level {
        return Err("a restore left the thread stronger than it was saved");
    }
    let flags = (slot.copy_on_open, slot.effective_only) == (saved.copy_on_open, saved.effective_only);
    match outcome.verdict {
        verdict::KEPT if slot == saved => Ok(()),
        verdict::COPIED if slot.token_id != saved.token_id && slot.level <= 1 && flags => Ok(()),
        _ => Err("a restore is neither the identity nor a weaker copy"),
    }
}
