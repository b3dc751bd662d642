//! ntoskrnl as the service sees it: safe functions and owning references.
//!
//! Everything here runs at `PASSIVE_LEVEL` in the caller's thread; the device
//! callback checks the IRQL before anything is called.

mod access;
mod ffi;
mod object;
mod token;

pub(crate) use object::{Process, Thread, current_process};
pub(crate) use token::SlotToken;
use token::{HandleToken, PrimaryToken};

use crate::file;
use core::ptr::{self, NonNull};
use psimp_protocol::Status;
use psimp_rules::Level;
use psimp_service::{Kernel, SaveTable, Slot, TokenRef};
use wdk_sys::ntddk::{
    PsImpersonateClient, PsReferenceImpersonationToken, PsReferencePrimaryToken, PsRevertToSelf,
};
use wdk_sys::{NTSTATUS, PASSIVE_LEVEL, PVOID, WDFFILEOBJECT};

/// The kernel that the driver is loaded into, for one request.
pub(crate) struct NtKernel {
    /// The file object that the request came on.
    file: WDFFILEOBJECT,
}

impl NtKernel {
    /// For a request on this file object, which it keeps open.
    pub(crate) fn new(file: WDFFILEOBJECT) -> Self {
        Self { file }
    }
}

/// Whether the current IRQL is `PASSIVE_LEVEL`.
pub(crate) fn is_passive_level() -> bool {
    // SAFETY: callable at any IRQL.
    let irql = unsafe { ffi::KeGetCurrentIrql() };
    u32::from(irql) == PASSIVE_LEVEL
}

/// A kernel status as a result.
fn check(status: NTSTATUS) -> Result<(), Status> {
    Status(status.cast_unsigned()).ok()
}

impl Kernel for NtKernel {
    type Thread = Thread;
    type HandleToken = HandleToken;
    type PrimaryToken = PrimaryToken;
    type SlotToken = SlotToken;

    fn current_thread(&self) -> Thread {
        Thread::current()
    }

    fn open_thread(&self, handle: u64, access: u32) -> Result<Thread, Status> {
        Thread::open(handle, access)
    }

    fn is_callers(&self, thread: &Thread) -> bool {
        thread.process() == current_process()
    }

    fn is_terminating(&self, thread: &Thread) -> bool {
        thread.is_terminating()
    }

    fn open_token(&self, handle: u64, access: u32) -> Result<(HandleToken, u32), Status> {
        HandleToken::open(handle, access)
    }

    fn primary_token(&self, thread: &Thread) -> PrimaryToken {
        // SAFETY: a referenced thread keeps its process alive.
        let token = unsafe { PsReferencePrimaryToken(thread.process().as_ptr()) };
        // SAFETY: the reference just taken is given to the value.
        unsafe { PrimaryToken::from_owned(token) }
    }

    fn slot(&self, thread: &Thread) -> Option<Slot<SlotToken>> {
        // Not written when the thread does not impersonate.
        let (mut copy_on_open, mut effective_only, mut level) = (0, 0, 0);
        // SAFETY: the thread is referenced; the pointers are to locals.
        let token = unsafe {
            PsReferenceImpersonationToken(
                thread.as_ptr(),
                &raw mut copy_on_open,
                &raw mut effective_only,
                &raw mut level,
            )
        };
        let token = NonNull::new(token)?;
        Some(Slot {
            // SAFETY: not null, so one reference is ours.
            token: unsafe { SlotToken::from_owned(token) },
            copy_on_open: copy_on_open != 0,
            effective_only: effective_only != 0,
            level: level.cast_unsigned(),
        })
    }

    fn is_same(&self, stored: &SlotToken, token: TokenRef<'_, Self>) -> bool {
        stored.as_ptr() == pointer(token)
    }

    fn duplicate(&self, token: &HandleToken, level: Level) -> Result<HandleToken, Status> {
        token.duplicate(level)
    }

    fn impersonate(
        &self,
        thread: &Thread,
        token: TokenRef<'_, Self>,
        copy_on_open: bool,
        effective_only: bool,
        level: Level,
    ) -> Result<(), Status> {
        // SAFETY: thread and token are referenced; the slot takes a reference of
        // its own, ours stay.
        check(unsafe {
            PsImpersonateClient(
                thread.as_ptr(),
                pointer(token),
                copy_on_open.into(),
                effective_only.into(),
                i32::from(level as u8),
            )
        })
    }

    fn end_impersonation(&self, thread: &Thread) -> Result<(), Status> {
        // SAFETY: the thread is referenced; without a token the rest is ignored.
        check(unsafe { PsImpersonateClient(thread.as_ptr(), ptr::null_mut(), 0, 0, 0) })
    }

    fn revert_to_self(&self) {
        // SAFETY: PASSIVE_LEVEL, the current thread.
        unsafe { PsRevertToSelf() }
    }

    fn with_saves<R>(&self, work: impl FnOnce(&mut SaveTable<SlotToken>) -> R) -> Result<R, Status> {
        file::with_saves(self.file, work)
    }

    fn access_check(&self, descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status> {
        access::check(descriptor, desired)
    }
}

/// The object behind either kind of reference.
fn pointer(token: TokenRef<'_, NtKernel>) -> PVOID {
    match token {
        TokenRef::Handle(token) => token.as_ptr(),
        TokenRef::Slot(token) => token.as_ptr(),
    }
}
