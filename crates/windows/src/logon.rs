//! Logging on.
#![allow(unsafe_code)] // LogonUserW

use crate::random::Password;
pub use crate::values::Kind;
use crate::wide::wide;
use crate::{Error, Token};
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use windows_sys::Win32::Security::{
    LOGON32_LOGON_BATCH, LOGON32_LOGON_INTERACTIVE, LOGON32_LOGON_NETWORK, LOGON32_LOGON_SERVICE,
    LOGON32_PROVIDER_DEFAULT, LogonUserW,
};

/// Logs a local account on. The caller's logon session is the origin of the token.
///
/// # Errors
/// The error that Windows returns: `ERROR_LOGON_TYPE_NOT_GRANTED` if the account lacks the right.
pub fn local(name: &str, password: &Password, kind: Kind) -> Result<Token, Error> {
    let kind = match kind {
        Kind::Network => LOGON32_LOGON_NETWORK,
        Kind::Interactive => LOGON32_LOGON_INTERACTIVE,
        Kind::Batch => LOGON32_LOGON_BATCH,
    };
    // A dot stands for the local machine.
    log_on(name, ".", Some(password), kind)
}

/// Logs NT AUTHORITY\LOCAL SERVICE on, which has no password.
///
/// # Errors
/// The error that Windows returns, also without `SeTcbPrivilege`.
pub fn local_service() -> Result<Token, Error> {
    log_on("LOCAL SERVICE", "NT AUTHORITY", None, LOGON32_LOGON_SERVICE)
}

fn log_on(name: &str, domain: &str, password: Option<&Password>, kind: u32) -> Result<Token, Error> {
    let (name, domain, mut token) = (wide(name), wide(domain), std::ptr::null_mut());
    let password = password.map_or(std::ptr::null(), Password::pointer);
    // SAFETY: all texts end with a zero, and the place for the token is borrowed for the call.
    let done = unsafe {
        LogonUserW(name.as_ptr(), domain.as_ptr(), password, kind, LOGON32_PROVIDER_DEFAULT, &raw mut token)
    };
    if done == 0 || token.is_null() {
        return Err(Error::last("LogonUserW"));
    }
    // SAFETY: the call succeeded, and nothing else owns the handle. An invalid handle, as from a system that only
    // simulates logons, is refused by every call.
    Ok(Token::from(unsafe { OwnedHandle::from_raw_handle(token) }))
}
