//! SAVE, RESTORE and DISCARD: a slot that is kept and later restored.

use crate::impersonate::{Asked, assign};
use crate::{Kernel, Slot, Token, TokenRef, rights, slot};
use psimp_nt::{Level, Status};
use psimp_protocol::wire::{self, decided_by, verdict};
use psimp_protocol::{RestoreRequest, RulesMode, SaveId, Target};

/// SAVE: keeps all four values of the thread's slot, or that it is empty. RESTORE can use it on
/// another thread, which takes the right to use this thread's security context directly.
pub(crate) fn save<K: Kernel>(kernel: &K, request: Target) -> Result<wire::Saved, Status> {
    let thread = slot::open_to_query(kernel, request.thread, rights::THREAD_IMPERSONATE)?;
    let held = kernel.slot(&thread);
    let description = match &held {
        Some(slot) => slot::describe(slot)?,
        None => slot::IDLE,
    };
    match kernel.with_saves(|saves| saves.insert(held))? {
        Ok(SaveId(save)) => Ok(wire::Saved { save, slot: description }),
        // The table was full; the reference is dropped here, outside its lock.
        Err(_refused) => Err(Status::INSUFFICIENT_RESOURCES),
    }
}

/// RESTORE: puts a saved slot into a thread. The save remains.
///
/// It is decided again, by the same rules as in an IMPERSONATE, and less than was saved may be
/// stored; the outcome reports that. If it fails, or memory runs out first, the thread is left
/// without an impersonation: a caller that restores must not continue as the client that was to be
/// replaced.
pub(crate) fn restore<K: Kernel>(kernel: &K, request: RestoreRequest) -> Result<wire::Outcome, Status> {
    let thread = slot::open_thread(
        kernel,
        request.thread,
        rights::THREAD_SET_THREAD_TOKEN | rights::THREAD_IMPERSONATE,
    )?;
    if let Some(saved) = kernel.with_saves(|saves| saves.get(request.save))?? {
        return reassign(kernel, &thread, &saved, request.rules);
    }
    kernel.end_impersonation(&thread)?;
    Ok(ENDED)
}

/// DISCARD: drops a save and its reference.
pub(crate) fn discard<K: Kernel>(kernel: &K, save: SaveId) -> Result<(), Status> {
    let removed = kernel.with_saves(|saves| saves.remove(save))??;
    // Outside the table's lock.
    drop(removed);
    Ok(())
}

fn reassign<K: Kernel>(
    kernel: &K,
    thread: &K::Thread,
    saved: &Slot<K::SlotToken>,
    rules: RulesMode,
) -> Result<wire::Outcome, Status> {
    let result = again(kernel, thread, saved, rules);
    if result.is_err() {
        // It cannot fail, and the status to report is the one before.
        let _ = kernel.end_impersonation(thread);
    }
    result
}

fn again<K: Kernel>(
    kernel: &K,
    thread: &K::Thread,
    saved: &Slot<K::SlotToken>,
    rules: RulesMode,
) -> Result<wire::Outcome, Status> {
    let statistics = &saved.token.statistics()?;
    // The token's own level is not compared: a kernel may have stored more.
    let level = Level::from_raw(saved.level).ok_or(Status::INVALID_PARAMETER)?;
    let Slot { copy_on_open, effective_only, .. } = *saved;
    let (token, client) = (TokenRef::Slot(&saved.token), None);
    assign(kernel, &Asked { thread, token, statistics, client, copy_on_open, effective_only, level, rules })
}

/// An idle thread was restored.
const ENDED: wire::Outcome = wire::Outcome {
    status: Status::SUCCESS.0,
    level_asked: 0,
    level_stored: 0,
    verdict: verdict::ENDED,
    rule: 0,
    decided_by: decided_by::KERNEL,
    flags: 0,
    reserved: 0,
    token_asked: 0,
    token_stored: 0,
    authentication_id: 0,
};
