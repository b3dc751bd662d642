//! SAVE, RESTORE and DISCARD: a slot that is kept and later restored.

use crate::impersonate::read_back;
use crate::{Kernel, Slot, Token, TokenRef, rights, slot};
use psimp_nt::{Level, Status};
use psimp_protocol::wire::{self, decided_by, verdict};
use psimp_protocol::{RestoreRequest, SaveId, Target};

/// SAVE: keeps all four values of the thread's slot, or that it is empty.
pub(crate) fn save<K: Kernel>(kernel: &K, request: Target) -> Result<wire::Saved, Status> {
    let thread = slot::open_thread(kernel, request.thread, rights::THREAD_QUERY_LIMITED_INFORMATION)?;
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
/// The kernel decides again, and may store less than was saved; the outcome
/// reports that. If it fails, or memory runs out first, the thread is left without
/// an impersonation: a caller that restores must not continue as the client that
/// was to be replaced.
pub(crate) fn restore<K: Kernel>(kernel: &K, request: RestoreRequest) -> Result<wire::Outcome, Status> {
    let thread = slot::open_thread(
        kernel,
        request.thread,
        rights::THREAD_SET_THREAD_TOKEN | rights::THREAD_IMPERSONATE,
    )?;
    if let Some(saved) = kernel.with_saves(|saves| saves.get(request.save))?? {
        return reassign(kernel, &thread, &saved);
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
) -> Result<wire::Outcome, Status> {
    let result = assign(kernel, thread, saved);
    if result.is_err() {
        // It cannot fail, and the status to report is the one before.
        let _ = kernel.end_impersonation(thread);
    }
    result
}

fn assign<K: Kernel>(
    kernel: &K,
    thread: &K::Thread,
    saved: &Slot<K::SlotToken>,
) -> Result<wire::Outcome, Status> {
    let statistics = saved.token.statistics()?;
    let level = Level::from_raw(saved.level).ok_or(Status::INVALID_PARAMETER)?;
    let token = TokenRef::Slot(&saved.token);
    kernel.impersonate(thread, token, saved.copy_on_open, saved.effective_only, level)?;
    // A higher level than was saved is another thread's action and responsibility.
    Ok(read_back(kernel, thread, token, &statistics, level, None))
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
