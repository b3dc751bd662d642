//! QUERY, REVERT and END: a thread's slot, read and cleared.

use crate::{Kernel, Slot, Token, rights};
use psimp_nt::Status;
use psimp_protocol::wire::{self, slot_flags};
use psimp_protocol::{Target, ThreadTarget};

/// QUERY: what the thread's slot holds.
pub(crate) fn query<K: Kernel>(kernel: &K, request: Target) -> Result<wire::Slot, Status> {
    let thread = open_to_query(kernel, request.thread, 0)?;
    match kernel.slot(&thread) {
        Some(slot) => describe(&slot),
        None => Ok(IDLE),
    }
}

/// REVERT: the calling thread's slot before `PsRevertToSelf`, which cannot fail;
/// this cannot fail either.
pub(crate) fn revert<K: Kernel>(kernel: &K) -> wire::Slot {
    let before = before(kernel, &kernel.current_thread());
    kernel.revert_to_self();
    before
}

/// END: the thread's slot before `PsImpersonateClient` without a token.
pub(crate) fn end<K: Kernel>(kernel: &K, request: Target) -> Result<wire::Slot, Status> {
    let thread =
        open_thread(kernel, request.thread, rights::THREAD_SET_THREAD_TOKEN | rights::THREAD_IMPERSONATE)?;
    let before = before(kernel, &thread);
    kernel.end_impersonation(&thread)?;
    Ok(before)
}

/// The thread of a request: only of the caller's own process, because the rules
/// evaluate the process that owns the thread, and not exiting.
pub(crate) fn open_thread<K: Kernel>(
    kernel: &K,
    target: ThreadTarget,
    access: u32,
) -> Result<K::Thread, Status> {
    let handle = match target {
        ThreadTarget::Calling => return Ok(kernel.current_thread()),
        ThreadTarget::Handle(handle) => handle,
    };
    let thread = kernel.open_thread(handle, access)?;
    if !kernel.in_callers_process(&thread) {
        return Err(Status::ACCESS_DENIED);
    }
    if kernel.is_terminating(&thread) {
        return Err(Status::THREAD_IS_TERMINATING);
    }
    Ok(thread)
}

/// The thread of a request that reads its slot, opened with `more` than to be queried.
pub(crate) fn open_to_query<K: Kernel>(
    kernel: &K,
    target: ThreadTarget,
    more: u32,
) -> Result<K::Thread, Status> {
    match open_thread(kernel, target, rights::THREAD_QUERY_LIMITED_INFORMATION | more) {
        // A handle of a kernel that does not have that right.
        Err(Status::ACCESS_DENIED) => open_thread(kernel, target, rights::THREAD_QUERY_INFORMATION | more),
        opened => opened,
    }
}

/// The flags of a slot in use.
pub(crate) fn flags<T: Token>(slot: &Slot<T>) -> u32 {
    let mut flags = slot_flags::ACTIVE;
    if slot.copy_on_open {
        flags |= slot_flags::COPY_ON_OPEN;
    }
    if slot.effective_only {
        flags |= slot_flags::EFFECTIVE_ONLY;
    }
    if slot.token.is_restricted() {
        flags |= slot_flags::RESTRICTED;
    }
    flags
}

pub(crate) const IDLE: wire::Slot = wire::Slot {
    flags: 0,
    level: 0,
    token_type: 0,
    own_level: 0,
    token_id: 0,
    authentication_id: 0,
    user_length: 0,
    user: [0; _],
};

pub(crate) fn describe<T: Token>(slot: &Slot<T>) -> Result<wire::Slot, Status> {
    let statistics = slot.token.statistics()?;
    // By reference: it is copied once, into the reply.
    let user = slot.token.user();
    let user = user.as_ref().map_err(|status| *status)?;
    Ok(wire::Slot {
        flags: flags(slot),
        level: slot.level,
        token_type: statistics.token_type as u32,
        own_level: statistics.level as u32,
        token_id: statistics.token_id.0,
        authentication_id: statistics.authentication_id.0,
        #[allow(clippy::cast_possible_truncation)] // at most 68
        user_length: user.as_bytes().len() as u32,
        user: *user.padded(),
    })
}

/// The slot before it is cleared. A thread can always stop impersonating, even when
/// there is no memory to read its token: the reply then has `UNREAD`, and the call
/// does not fail.
fn before<K: Kernel>(kernel: &K, thread: &K::Thread) -> wire::Slot {
    let Some(slot) = kernel.slot(thread) else { return IDLE };
    describe(&slot).unwrap_or(wire::Slot {
        flags: flags(&slot) | slot_flags::UNREAD,
        level: slot.level,
        ..IDLE
    })
}
