//! Handles of this process.
#![allow(unsafe_code)] // NtQueryObject

pub use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};

use crate::error::checked;
use crate::structure::length;
use psimp_nt::Status;
use std::os::windows::io::AsRawHandle as _;
use windows_sys::Wdk::Foundation::{NtQueryObject, ObjectBasicInformation};
use windows_sys::Win32::System::WindowsProgramming::PUBLIC_OBJECT_BASIC_INFORMATION;

/// A handle as a number, for calls that take its bytes.
pub fn number(handle: BorrowedHandle<'_>) -> u64 {
    handle.as_raw_handle().addr() as u64
}

/// The access that a handle grants.
///
/// # Errors
/// The error that Windows returns.
pub fn granted(handle: BorrowedHandle<'_>) -> Result<u32, Status> {
    let mut seen = PUBLIC_OBJECT_BASIC_INFORMATION::default();
    // SAFETY: the kernel checks the handle, and this class takes this structure, which is borrowed for the call.
    let status = unsafe {
        NtQueryObject(
            handle.as_raw_handle(),
            ObjectBasicInformation,
            (&raw mut seen).cast(),
            length::<PUBLIC_OBJECT_BASIC_INFORMATION>(),
            std::ptr::null_mut(),
        )
    };
    checked(status)?;
    Ok(seen.GrantedAccess)
}
