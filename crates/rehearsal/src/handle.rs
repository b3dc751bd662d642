//! Handles of the calling thread's process.

use crate::call;
use crate::running::Process;
use psimp_nt::Status;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

/// A handle that is closed when it is dropped.
pub struct OwnedHandle {
    number: u64,
    process: Weak<Process>,
}

/// A handle that somebody else closes.
#[derive(Clone, Copy, Debug)]
pub struct BorrowedHandle<'a>(u64, PhantomData<&'a OwnedHandle>);

/// What has a handle.
pub trait AsHandle {
    /// The handle.
    fn as_handle(&self) -> BorrowedHandle<'_>;
}

/// A handle as a number, for calls that take its bytes.
pub fn number(handle: BorrowedHandle<'_>) -> u64 {
    handle.0
}

/// The access that a handle grants.
///
/// # Errors
/// `INVALID_HANDLE`.
pub fn granted(handle: BorrowedHandle<'_>) -> Result<u32, Status> {
    let call = call::enter();
    let found = call.process().kernel.handles().get(handle.0);
    found.map(|(_, granted)| granted).ok_or(Status::INVALID_HANDLE)
}

impl OwnedHandle {
    /// The owner of a handle of this process.
    pub(crate) fn new(process: &Arc<Process>, number: u64) -> Self {
        Self { number, process: Arc::downgrade(process) }
    }

    /// Its number.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }
}

impl BorrowedHandle<'_> {
    pub(crate) const fn of_number(number: u64) -> BorrowedHandle<'static> {
        BorrowedHandle(number, PhantomData)
    }

    /// Another handle for the same object, with the same access.
    ///
    /// # Errors
    /// The error of `DuplicateHandle`.
    pub fn try_clone_to_owned(&self) -> io::Result<OwnedHandle> {
        let call = call::enter();
        let copy = call.process().duplicate(self.0, call.process(), None);
        let copy = copy.map_err(|status| io::Error::from_raw_os_error(win32(status).cast_signed()))?;
        Ok(OwnedHandle::new(call.process(), copy))
    }
}

impl AsHandle for OwnedHandle {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        BorrowedHandle(self.number, PhantomData)
    }
}

impl fmt::Debug for OwnedHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedHandle({:#x})", self.number)
    }
}

impl Drop for OwnedHandle {
    fn drop(&mut self) {
        let _call = call::enter();
        if let Some(process) = self.process.upgrade() {
            process.close(self.number);
        }
    }
}

/// The Win32 error that a status becomes (`RtlNtStatusToDosError`): of those that calls of the rehearsal return.
pub(crate) fn win32(status: Status) -> u32 {
    match status {
        Status::INVALID_HANDLE | Status::OBJECT_TYPE_MISMATCH => 6,
        Status::NO_MEMORY => 8,
        // `STATUS_PROCESS_IS_TERMINATING` too.
        Status::ACCESS_DENIED | Status(0xC000_010A) => 5,
        Status::INVALID_PARAMETER => 87,
        Status::PRIVILEGE_NOT_HELD => 1314,
        Status::BAD_IMPERSONATION_LEVEL => 1346,
        Status::BAD_TOKEN_TYPE => 1349,
        Status::INSUFFICIENT_RESOURCES => 1450,
        // `STATUS_NOT_SUPPORTED`: ERROR_NOT_SUPPORTED.
        Status(0xC000_00BB) => 50,
        // ERROR_MR_MID_NOT_FOUND, as for every status without an error of its own.
        _ => 317,
    }
}
