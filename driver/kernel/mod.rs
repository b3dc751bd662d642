//! ntoskrnl as the service sees it: safe functions and owning references.
//!
//! Everything here runs at `PASSIVE_LEVEL` in the caller's thread; the device
//! callback checks the IRQL before anything is called.

mod access;
mod client;
mod ffi;
mod object;
mod token;

pub(crate) use access::check as access_check;
pub(crate) use client::ClientSecurity;
pub(crate) use object::{Process, Thread, current_process};
use token::PrimaryToken;
pub(crate) use token::{HandleToken, SlotToken};

use crate::{file, worker};
use core::ptr::{self, NonNull};
use psimp_nt::{Level, Status};
use psimp_protocol::ConnectionId;
use psimp_service::{Client, Connection, Kernel, SaveTable, Slot, TokenRef};
use wdk_sys::ntddk::{
    PsGetCurrentProcessId, PsGetCurrentThreadId, PsImpersonateClient, PsReferenceImpersonationToken,
    PsReferencePrimaryToken, PsRevertToSelf,
};
use wdk_sys::{HANDLE, NTSTATUS, PASSIVE_LEVEL, PVOID, SECURITY_CLIENT_CONTEXT, WDFDEVICE, WDFFILEOBJECT};

/// The kernel that the driver is loaded into, for one request.
pub(crate) struct NtKernel {
    /// The device that the request came to.
    device: WDFDEVICE,
    /// The file object that it came on.
    file: WDFFILEOBJECT,
}

impl NtKernel {
    /// For a request on this file object of the device, which it keeps open.
    pub(crate) fn new(device: WDFDEVICE, file: WDFFILEOBJECT) -> Self {
        Self { device, file }
    }
}

/// Whether the current IRQL is `PASSIVE_LEVEL`.
pub(crate) fn is_passive_level() -> bool {
    // SAFETY: callable at any IRQL.
    let irql = unsafe { ffi::KeGetCurrentIrql() };
    u32::from(irql) == PASSIVE_LEVEL
}

/// The id of the calling process.
pub(crate) fn current_process_id() -> u32 {
    // SAFETY: callable at any IRQL.
    id(unsafe { PsGetCurrentProcessId() })
}

/// The id of the calling thread.
pub(crate) fn current_thread_id() -> u32 {
    // SAFETY: callable at any IRQL.
    id(unsafe { PsGetCurrentThreadId() })
}

/// Ids of processes and threads look like handles, and have 32 bits.
#[allow(clippy::cast_possible_truncation)]
fn id(id: HANDLE) -> u32 {
    id.addr() as u32
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
    type Context = SECURITY_CLIENT_CONTEXT;

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

    fn next_client(&self, after: ConnectionId) -> Option<(Connection, bool)> {
        file::next_client(self.device, self.file, after)
    }

    fn accept(&self, id: ConnectionId) -> Result<Client<HandleToken, SECURITY_CLIENT_CONTEXT>, Status> {
        file::accept(self.device, self.file, id)
    }

    fn finish_accept(&self, id: ConnectionId, served: bool) {
        file::finish_accept(self.device, id, served);
    }

    fn impersonate_client(
        &self,
        client: &Client<HandleToken, SECURITY_CLIENT_CONTEXT>,
        level: Level,
    ) -> Result<(), Status> {
        // SAFETY: the token in the context is the one beside it, which is referenced.
        unsafe { client::impersonate(client.context, level) }
    }

    fn worker_access_check(&self, descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status> {
        worker::access_check(self.device, descriptor, desired)
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
