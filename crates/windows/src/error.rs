//! Windows errors, with the function that failed.

use psimp_nt::Status;
use std::fmt;

/// An error of a Windows function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The function that failed.
    pub call: &'static str,
    /// Its error code.
    pub code: Code,
}

/// The two kinds of error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Of a native call.
    Status(Status),
    /// `GetLastError`, or an error code that a function returned directly.
    Win32(u32),
}

impl Error {
    /// The result of a native call.
    pub const fn status(call: &'static str, status: Status) -> Self {
        Self { call, code: Code::Status(status) }
    }

    /// The result of a Win32 function.
    pub const fn win32(call: &'static str, code: u32) -> Self {
        Self { call, code: Code::Win32(code) }
    }

    /// The calling thread's last error.
    pub fn last(call: &'static str) -> Self {
        let code = std::io::Error::last_os_error().raw_os_error().unwrap_or_default();
        Self::win32(call, code.cast_unsigned())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Code::Status(status) => write!(f, "{}: {status}", self.call),
            // The system has no texts for these.
            Code::Win32(code @ 2100..=2999) => write!(f, "{}: error {code} of lmerr.h", self.call),
            Code::Win32(code) => {
                let text = std::io::Error::from_raw_os_error(code.cast_signed());
                write!(f, "{}: error {code}, {text}", self.call)
            }
        }
    }
}

impl std::error::Error for Error {}

/// The status of a native call.
pub(crate) fn checked(status: i32) -> Result<(), Status> {
    Status(status.cast_unsigned()).ok()
}
