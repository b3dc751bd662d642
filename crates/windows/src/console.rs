//! Termination by Ctrl-C, Ctrl-Break, or a closing console.
#![allow(unsafe_code)] // SetConsoleCtrlHandler

use crate::Error;
use std::sync::OnceLock;
use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
use windows_sys::Win32::System::Threading::ExitProcess;
use windows_sys::core::BOOL;

static LAST: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();

/// The exit code of a process that is terminated this way:
/// `STATUS_CONTROL_C_EXIT`.
const CONTROL_C_EXIT: u32 = 0xC000_013A;

/// Sets the routine that runs, on its own thread, before such a termination. Only
/// the first call has an effect.
///
/// When the console closes, Windows does not wait long and may terminate the
/// process while the routine runs.
///
/// # Errors
/// The error that Windows returns.
pub fn before_the_end(last: impl Fn() + Send + Sync + 'static) -> Result<(), Error> {
    if LAST.set(Box::new(last)).is_err() {
        return Ok(());
    }
    // SAFETY: the routine exists as long as the process.
    let done = unsafe { SetConsoleCtrlHandler(Some(ended), 1) };
    if done == 0 { Err(Error::last("SetConsoleCtrlHandler")) } else { Ok(()) }
}

unsafe extern "system" fn ended(_event: u32) -> BOOL {
    if let Some(last) = LAST.get() {
        last();
    }
    // As the default handler on Windows does; Wine's exits with success.
    // SAFETY: it takes a number.
    unsafe { ExitProcess(CONTROL_C_EXIT) }
}
