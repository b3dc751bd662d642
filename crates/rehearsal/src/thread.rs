//! What threads impersonate.

use crate::call::{self, Call};
use crate::handle::{BorrowedHandle, OwnedHandle, number, win32};
use crate::token::Token;
use psimp_model::{AccessRequest, GenericMapping, Object, SecurityDescriptor, SecurityQos, rights};
use psimp_nt::{Level, Status};
use psimp_windows::Error;
use std::thread::JoinHandle;
use std::time::Duration;

pub use std::thread::{Scope, ScopedJoinHandle, scope};

const CURRENT_PROCESS: u64 = u64::MAX;
const CURRENT_THREAD: u64 = u64::MAX - 1;
/// `ThreadImpersonationToken`.
const IMPERSONATION_TOKEN: u32 = 5;
/// `ERROR_INVALID_PARAMETER`.
const INVALID_PARAMETER: u32 = 87;
/// `SeDebugPrivilege`.
const DEBUG: u32 = psimp_model::privileges::DEBUG;

/// A new thread of this process.
pub fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let begin = begin();
    std::thread::spawn(move || {
        let _running = begin();
        run()
    })
}

/// A new thread of this process, which ends before the scope does.
pub fn spawn_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    run: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let begin = begin();
    scope.spawn(move || {
        let _running = begin();
        run()
    })
}

fn begin() -> impl FnOnce() -> call::Guard + Send + 'static {
    let call = call::enter();
    call::create_thread(call.machine(), call.process(), Some(call.thread()))
}

/// Waits for this long.
pub fn sleep(time: Duration) {
    let end = std::time::Instant::now() + time;
    call::enter().wait(|most| {
        let left = end.saturating_duration_since(std::time::Instant::now());
        std::thread::sleep(left.min(most));
        left.is_zero().then_some(())
    });
}

/// The pseudo-handle of the calling thread.
pub const fn current() -> BorrowedHandle<'static> {
    BorrowedHandle::of_number(CURRENT_THREAD)
}

/// The pseudo-handle of the calling process.
pub const fn current_process() -> BorrowedHandle<'static> {
    BorrowedHandle::of_number(CURRENT_PROCESS)
}

/// The id of the calling thread.
pub fn current_id() -> u32 {
    call::enter().thread().id()
}

/// Opens a thread by its id.
///
/// # Errors
/// `ERROR_INVALID_PARAMETER` without such a thread; those of the access check, which NT makes with what the calling
/// thread impersonates.
pub fn open(id: u32, access: u32) -> Result<OwnedHandle, Error> {
    let call = call::enter();
    let of_thread = |error: Error| error.of(format!("thread {id}"));
    let processes: Vec<_> = call.machine().processes.lock().values().cloned().collect();
    let found = processes.iter().flat_map(|process| process.threads()).find(|found| found.thread.id() == id);
    let found = found.ok_or_else(|| of_thread(Error::win32("OpenThread", INVALID_PARAMETER)))?;
    let known = rights::THREAD_ALL_ACCESS_NT52;
    let opened = opened(&call, &found.descriptor, access, GenericMapping::THREAD, known);
    let granted = opened.map_err(|status| of_thread(Error::win32("OpenThread", win32(status))))?;
    let handle = call.process().kernel.handles().insert(Object::Thread(found.thread), granted);
    Ok(OwnedHandle::new(call.process(), handle))
}

/// Opens a process by its id.
///
/// # Errors
/// As [`open`].
pub fn open_process(id: u32, access: u32) -> Result<OwnedHandle, Error> {
    let call = call::enter();
    let of_process = |error: Error| error.of(format!("process {id}"));
    let found = call.machine().processes.lock().get(&id).cloned();
    let found = found.ok_or_else(|| of_process(Error::win32("OpenProcess", INVALID_PARAMETER)))?;
    let known = rights::PROCESS_ALL_ACCESS_NT52;
    let opened = opened(&call, &found.descriptor, access, GenericMapping::PROCESS, known);
    let granted = opened.map_err(|status| of_process(Error::win32("OpenProcess", win32(status))))?;
    let handle = call.process().kernel.handles().insert(Object::Process(found.kernel.clone()), granted);
    Ok(OwnedHandle::new(call.process(), handle))
}

/// The access to a thread or process, which `SeDebugPrivilege` grants without a check.
fn opened(
    call: &Call,
    descriptor: &SecurityDescriptor,
    access: u32,
    mapping: GenericMapping,
    known: u32,
) -> Result<u32, Status> {
    let system = &call.machine().system;
    // NT 5.2 has none of the rights that came later, so nobody is granted them.
    if system.kernel().family() == psimp_rules::Family::Nt52 && access & !known & 0x001F_FFFF != 0 {
        return Err(Status::ACCESS_DENIED);
    }
    if system.se_single_privilege_check(call.thread(), DEBUG, psimp_model::AccessMode::User) {
        return Ok(AccessRequest::user(access, mapping).granted_unchecked());
    }
    system.ob_open_object(call.thread(), Some(descriptor), access, &mapping)
}

/// `SetThreadToken`: the thread impersonates this token, or nothing.
///
/// # Errors
/// Those of `NtSetInformationThread`.
pub fn set_token(thread: BorrowedHandle<'_>, token: Option<&Token>) -> Result<(), Status> {
    set(thread, token.map_or(0, Token::number), 8)
}

/// The same with a length other than a handle's: the first bytes of one.
///
/// # Errors
/// `STATUS_INFO_LENGTH_MISMATCH` for fewer than eight. `INVALID_PARAMETER`, without a call, for more.
pub fn set_token_of_length(thread: BorrowedHandle<'_>, token: &Token, length: usize) -> Result<(), Status> {
    set(thread, token.number(), length)
}

fn set(thread: BorrowedHandle<'_>, token: u64, length: usize) -> Result<(), Status> {
    let bytes = token.to_le_bytes();
    let information = bytes.get(..length).ok_or(Status::INVALID_PARAMETER)?;
    let call = call::enter().inside_a_case();
    let system = &call.machine().system;
    system.nt_set_information_thread(call.thread(), number(thread), IMPERSONATION_TOKEN, information)
}

/// `ImpersonateSelf` of the calling thread.
///
/// # Errors
/// `BAD_IMPERSONATION_LEVEL` for a level that there is not; those of the calls it is made of.
pub fn impersonate_self(level: u32) -> Result<(), Status> {
    let call = call::enter().inside_a_case();
    let level = Level::from_raw(level).ok_or(Status::BAD_IMPERSONATION_LEVEL)?;
    call.machine().system.rtl_impersonate_self(call.thread(), level)
}

/// `ImpersonateAnonymousToken`.
///
/// # Errors
/// Those of `NtImpersonateAnonymousToken`.
pub fn impersonate_anonymous(thread: BorrowedHandle<'_>) -> Result<(), Status> {
    let call = call::enter().inside_a_case();
    call.machine().system.nt_impersonate_anonymous_token(call.thread(), number(thread))
}

/// `NtImpersonateThread` with dynamic tracking: the server thread impersonates the client thread's
/// current security context.
///
/// # Errors
/// Those of the routine.
pub fn impersonate_thread(
    server: BorrowedHandle<'_>,
    client: BorrowedHandle<'_>,
    level: u32,
) -> Result<(), Status> {
    let call = call::enter().inside_a_case();
    let qos = SecurityQos { level, tracking: SecurityQos::DYNAMIC, effective_only: false };
    call.machine().system.nt_impersonate_thread(call.thread(), number(server), number(client), &qos)
}

/// Another handle of an object that this process has open, with this access alone.
///
/// # Errors
/// The error of `DuplicateHandle`.
pub fn duplicate_handle(handle: BorrowedHandle<'_>, access: u32) -> Result<OwnedHandle, Error> {
    duplicate(number(handle), Some(access))
}

/// Another handle of an object that the parent passed to this process, by the value of its handle.
///
/// # Errors
/// `ERROR_INVALID_HANDLE` for an invalid number.
pub fn given(number: u64) -> Result<OwnedHandle, Error> {
    duplicate(number, None)
}

/// The same, in the place of the handle that was passed, which is closed.
///
/// # Errors
/// `ERROR_INVALID_HANDLE` for an invalid number.
pub fn taken(number: u64) -> Result<OwnedHandle, Error> {
    let taken = given(number);
    call::enter().process().close(number);
    taken
}

fn duplicate(number: u64, access: Option<u32>) -> Result<OwnedHandle, Error> {
    let call = call::enter();
    let copy = call.process().duplicate(number, call.process(), access);
    let copy = copy.map_err(|status| Error::win32("DuplicateHandle", win32(status)))?;
    Ok(OwnedHandle::new(call.process(), copy))
}
