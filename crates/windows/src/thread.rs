//! What threads impersonate.
#![allow(unsafe_code)] // native calls

use crate::error::checked;
use crate::token::{Token, quality_of_service};
use crate::{Error, ntdll, structure};
use psimp_nt::Status;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle, RawHandle};
use windows_sys::Wdk::Storage::FileSystem::NtImpersonateAnonymousToken;
use windows_sys::Wdk::System::Threading::{NtSetInformationThread, ThreadImpersonationToken};
use windows_sys::Win32::Foundation::{
    DUPLICATE_CLOSE_SOURCE, DUPLICATE_SAME_ACCESS, DuplicateHandle, HANDLE,
};
use windows_sys::Win32::System::Threading::{GetCurrentThreadId, OpenProcess, OpenThread};

pub use std::thread::{Scope, ScopedJoinHandle, scope, sleep, spawn};

/// A new thread of this process, which ends before the scope does.
pub fn spawn_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    run: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    scope.spawn(run)
}

/// The pseudo-handle of the calling thread.
pub fn current() -> BorrowedHandle<'static> {
    let handle = std::ptr::without_provenance_mut(usize::MAX - 1);
    // SAFETY: a pseudo-handle is always open, and is never closed.
    unsafe { BorrowedHandle::borrow_raw(handle) }
}

/// The pseudo-handle of the calling process.
pub fn current_process() -> BorrowedHandle<'static> {
    let handle = std::ptr::without_provenance_mut(usize::MAX);
    // SAFETY: a pseudo-handle is always open, and is never closed.
    unsafe { BorrowedHandle::borrow_raw(handle) }
}

/// The id of the calling thread.
pub fn current_id() -> u32 {
    // SAFETY: it only reads the calling thread's block.
    unsafe { GetCurrentThreadId() }
}

/// Opens a thread by its id.
///
/// # Errors
/// The error that Windows returns.
pub fn open(id: u32, access: u32) -> Result<OwnedHandle, Error> {
    // SAFETY: it takes numbers.
    let handle = unsafe { OpenThread(access, 0, id) };
    // SAFETY: the handle is from that call.
    unsafe { owned("OpenThread", handle) }.map_err(|error| error.of(format!("thread {id}")))
}

/// Opens a process by its id.
///
/// # Errors
/// The error that Windows returns.
pub fn open_process(id: u32, access: u32) -> Result<OwnedHandle, Error> {
    // SAFETY: it takes numbers.
    let handle = unsafe { OpenProcess(access, 0, id) };
    // SAFETY: the handle is from that call.
    unsafe { owned("OpenProcess", handle) }.map_err(|error| error.of(format!("process {id}")))
}

/// `SetThreadToken`: the thread impersonates this token, or nothing.
///
/// # Errors
/// The error that Windows returns.
pub fn set_token(thread: BorrowedHandle<'_>, token: Option<&Token>) -> Result<(), Status> {
    let handle = token.map_or(std::ptr::null_mut(), |token| token.as_handle().as_raw_handle());
    set(thread, handle, size_of::<RawHandle>())
}

/// The same with a length other than a handle's: the first bytes of one.
///
/// # Errors
/// The error that Windows returns: `STATUS_INFO_LENGTH_MISMATCH` for fewer than eight. `INVALID_PARAMETER`, without a
/// call, for more.
pub fn set_token_of_length(thread: BorrowedHandle<'_>, token: &Token, length: usize) -> Result<(), Status> {
    set(thread, token.as_handle().as_raw_handle(), length)
}

fn set(thread: BorrowedHandle<'_>, token: RawHandle, length: usize) -> Result<(), Status> {
    let (information, whole) = structure::information(&token);
    let length = u32::try_from(length).ok().filter(|length| *length <= whole);
    let length = length.ok_or(Status::INVALID_PARAMETER)?;
    // SAFETY: the kernel checks the handles, and reads at most the handle, which lives until the call returns.
    checked(unsafe {
        NtSetInformationThread(thread.as_raw_handle(), ThreadImpersonationToken, information, length)
    })
}

/// `ImpersonateSelf` of the calling thread.
///
/// # Errors
/// The error that Windows returns.
pub fn impersonate_self(level: u32) -> Result<(), Status> {
    ntdll::impersonate_self(level.cast_signed())
}

/// `ImpersonateAnonymousToken`.
///
/// # Errors
/// The error that Windows returns.
pub fn impersonate_anonymous(thread: BorrowedHandle<'_>) -> Result<(), Status> {
    // SAFETY: the kernel checks the handle.
    checked(unsafe { NtImpersonateAnonymousToken(thread.as_raw_handle()) })
}

/// `NtImpersonateThread` with dynamic tracking: the server thread impersonates the client thread's
/// current security context.
///
/// # Errors
/// The error that Windows returns.
pub fn impersonate_thread(
    server: BorrowedHandle<'_>,
    client: BorrowedHandle<'_>,
    level: u32,
) -> Result<(), Status> {
    let qos = quality_of_service(level, true, false);
    ntdll::impersonate_thread(server.as_raw_handle(), client.as_raw_handle(), &qos)
}

/// Another handle of an object that this process has open, with this access
/// alone.
///
/// # Errors
/// The error that Windows returns.
pub fn duplicate_handle(handle: BorrowedHandle<'_>, access: u32) -> Result<OwnedHandle, Error> {
    duplicate(handle.as_raw_handle(), access, 0)
}

/// Another handle of an object that the parent passed to this process, by the value of its handle.
///
/// # Errors
/// The error that Windows returns: `ERROR_INVALID_HANDLE` for an invalid number.
pub fn given(number: u64) -> Result<OwnedHandle, Error> {
    duplicate(numbered(number), 0, DUPLICATE_SAME_ACCESS)
}

/// The same, in the place of the handle that was passed, which is closed.
///
/// # Errors
/// The error that Windows returns.
pub fn taken(number: u64) -> Result<OwnedHandle, Error> {
    duplicate(numbered(number), 0, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE)
}

fn numbered(number: u64) -> HANDLE {
    std::ptr::without_provenance_mut(usize::try_from(number).unwrap_or(0))
}

fn duplicate(handle: HANDLE, access: u32, options: u32) -> Result<OwnedHandle, Error> {
    let process = current_process().as_raw_handle();
    let mut copy: HANDLE = std::ptr::null_mut();
    // SAFETY: the kernel checks the handles, and the place for the new one is borrowed for the call.
    let done = unsafe { DuplicateHandle(process, handle, process, &raw mut copy, access, 0, options) };
    // SAFETY: the handle is from that call, which leaves it null when it fails.
    if done == 0 { Err(Error::last("DuplicateHandle")) } else { unsafe { owned("DuplicateHandle", copy) } }
}

/// The handle that a call created.
///
/// # Safety
/// It is null, or it is open and no other code closes it.
unsafe fn owned(call: &'static str, handle: HANDLE) -> Result<OwnedHandle, Error> {
    if handle.is_null() {
        return Err(Error::last(call));
    }
    // SAFETY: not null, as just checked; the rest is the caller's promise.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}
