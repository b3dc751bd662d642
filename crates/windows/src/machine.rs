//! The native processor architecture.
#![allow(unsafe_code)] // IsWow64Process2

use crate::Error;
use crate::thread::current_process;
use std::os::windows::io::AsRawHandle;
use windows_sys::Win32::System::Threading::IsWow64Process2;

/// What a call since the last question would have needed that this system lacks: nothing, where calls go to Windows.
/// A rehearsal of Windows may lack a call.
pub const fn lacks() -> Option<String> {
    None
}

/// `IMAGE_FILE_MACHINE_…` of the kernel, which differs from that of an emulated program.
///
/// # Errors
/// The error that Windows returns.
pub fn native() -> Result<u16, Error> {
    let (mut process, mut native) = (0, 0);
    // SAFETY: the handle is open, and the places for the results are borrowed for the call.
    let done =
        unsafe { IsWow64Process2(current_process().as_raw_handle(), &raw mut process, &raw mut native) };
    if done == 0 { Err(Error::last("IsWow64Process2")) } else { Ok(native) }
}
