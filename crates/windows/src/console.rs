//! Being ended by Ctrl-C, Ctrl-Break, or the console that closes.
#![allow(unsafe_code)] // SetConsoleCtrlHandler

use crate::Error;
use std::sync::OnceLock;
use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
use windows_sys::Win32::System::Threading::ExitProcess;
use windows_sys::core::BOOL;

static LAST: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();

/// The exit code of a process that is ended so: `STATUS_CONTROL_C_EXIT`.
const CONTROL_C_EXIT: u32 = 0xC000_013A;

/// What is done, on a thread of its own, before the process is ended so. The first
/// call counts.
///
/// Windows does not wait long for a console that closes, and ends the process in
/// the middle.
///
/// # Errors
/// The error that Windows returns.
pub fn before_the_end(last: impl Fn() + Send + Sync + 'static) -> Result<(), Error> {
    if LAST.set(Box::new(last)).is_err() {
        return Ok(());
    }
    // SAFETY: the routine is there as long as the process.
    let done = unsafe { SetConsoleCtrlHandler(Some(ended), 1) };
    if done == 0 { Err(Error::last("SetConsoleCtrlHandler")) } else { Ok(()) }
}

unsafe extern "system" fn ended(_event: u32) -> BOOL {
    if let Some(last) = LAST.get() {
        last();
    }
    // What the system's own handler does on Windows; Wine's exits with success.
    // SAFETY: it takes a number.
    unsafe { ExitProcess(CONTROL_C_EXIT) }
}
