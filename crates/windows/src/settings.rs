//! Settings of the driver that Windows has loaded.
#![allow(unsafe_code)] // the registry

use crate::Error;
use crate::wide::wide;
use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_SUCCESS};
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_DWORD, RegGetValueW};

/// Whether the driver of a service starts with this value of a setting, or without it. A driver that runs has read its
/// settings as it was started, so one that was changed since then does not count yet.
///
/// # Errors
/// The error that Windows returns.
pub fn is(service: &str, name: &str, wanted: Option<u32>) -> Result<bool, Error> {
    let key = format!(r"SYSTEM\CurrentControlSet\Services\{service}\Parameters");
    let (path, value) = (wide(&key), wide(name));
    let (mut data, mut length) = (0_u32, 4_u32);
    // SAFETY: both names end with a zero, and the value has room for the four bytes that are asked for.
    let code = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            path.as_ptr(),
            value.as_ptr(),
            RRF_RT_REG_DWORD,
            std::ptr::null_mut(),
            (&raw mut data).cast(),
            &raw mut length,
        )
    };
    match code {
        ERROR_SUCCESS => Ok(wanted == Some(data)),
        ERROR_FILE_NOT_FOUND => Ok(wanted.is_none()),
        code => Err(Error::win32("RegGetValueW", code).of(format!(r"{key}\{name}"))),
    }
}
