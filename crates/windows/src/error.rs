//! Windows errors, with the function that failed and what it was about.

use psimp_nt::Status;
use std::fmt;

/// An error of a Windows function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The function that failed.
    pub call: &'static str,
    /// What it was about, such as `process 640`.
    pub object: Option<String>,
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
        Self { call, object: None, code: Code::Status(status) }
    }

    /// The result of a Win32 function.
    pub const fn win32(call: &'static str, code: u32) -> Self {
        Self { call, object: None, code: Code::Win32(code) }
    }

    /// The calling thread's last error.
    pub fn last(call: &'static str) -> Self {
        Self::of_std(call, &std::io::Error::last_os_error())
    }

    /// The error of a function that the standard library calls. One that is the library's own has no code, which is
    /// 0 then.
    pub fn of_std(call: &'static str, error: &std::io::Error) -> Self {
        Self::win32(call, error.raw_os_error().unwrap_or(0).cast_unsigned())
    }

    /// The same error, with what the call was about, or with more about that.
    #[must_use]
    pub fn of(self, object: impl fmt::Display) -> Self {
        let object = match self.object {
            Some(known) => format!("{known} ({object})"),
            None => object.to_string(),
        };
        Self { object: Some(object), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.call)?;
        if let Some(object) = &self.object {
            write!(f, " of {object}")?;
        }
        match self.code {
            Code::Status(status) => write!(f, ": {status}"),
            // The system has no texts for these.
            Code::Win32(code @ 2100..=2999) => write!(f, ": error {code} of lmerr.h"),
            // What another system has for the number is another error.
            Code::Win32(code) if !cfg!(windows) => write!(f, ": error {code}"),
            Code::Win32(code) => {
                let text = std::io::Error::from_raw_os_error(code.cast_signed());
                write!(f, ": error {code}, {text}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// The status of a native call.
#[cfg(windows)]
pub(crate) fn checked(status: i32) -> Result<(), Status> {
    Status(status.cast_unsigned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_call_and_what_it_was_about() {
        let error =
            Error::win32("OpenProcess", 2245).of("process 123").of("the journal's look at this process");
        assert_eq!(
            error.to_string(),
            "OpenProcess of process 123 (the journal's look at this process): error 2245 of lmerr.h"
        );
        let error = Error::status("NtCreateEvent", Status::ACCESS_DENIED);
        assert_eq!(error.to_string(), "NtCreateEvent: STATUS_ACCESS_DENIED");
    }
}
