//! The requests about a driver's service, and the codes that Windows answers them with.

use psimp_nt::Status;
use std::fmt::{self, Display, Formatter};

/// An answer of Windows, in the notation it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Of `winerror.h`, as the service control manager answers.
    Win32(u32),
    /// Of the kernel.
    Nt(Status),
}

/// What was asked when Windows refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Access to the service control manager, for the right that the command needs.
    OpenManager,
    /// Access to the service.
    OpenService,
    /// The service's configuration and state.
    Query,
    /// A new service.
    Create,
    /// The service's description.
    Describe,
    /// To load the driver.
    Start,
    /// To unload the driver.
    Stop,
    /// To delete the service.
    Delete,
    /// A handle to the driver's device.
    OpenDevice,
}

impl Request {
    /// What could not be done, after "cannot".
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::OpenManager => "open the service control manager",
            Self::OpenService => "open the service PsImpersonate",
            Self::Query => "read the service PsImpersonate",
            Self::Create => "create the service PsImpersonate",
            Self::Describe => "describe the service PsImpersonate",
            Self::Start => "load the driver",
            Self::Stop => "unload the driver",
            Self::Delete => "delete the service PsImpersonate",
            Self::OpenDevice => r"open \\.\PsImpersonate",
        }
    }
}

impl Display for Code {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Win32(code) => write!(f, "error {code}"),
            Self::Nt(status) => write!(f, "0x{:08X}", status.0),
        }
    }
}
