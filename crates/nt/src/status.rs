//! The `NTSTATUS` values in the contract.

use core::fmt;

/// An `NTSTATUS`: a success when its sign bit is clear, as in `NT_SUCCESS`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The name in `ntstatus.h`, without its prefix `STATUS_`.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    /// The operation completed.
    SUCCESS = 0x0000_0000;
    /// There is no further client.
    NO_MORE_ENTRIES = 0x8000_001A;
    /// The server process has no primary token (NT 5.2).
    UNSUCCESSFUL = 0xC000_0001;
    /// The information class does not apply to this object.
    INVALID_INFO_CLASS = 0xC000_0003;
    /// The input is not exactly as long as the structure.
    INFO_LENGTH_MISMATCH = 0xC000_0004;
    /// No such handle in the caller's process.
    INVALID_HANDLE = 0xC000_0008;
    /// A flag, level, version or reserved field is out of range.
    INVALID_PARAMETER = 0xC000_000D;
    /// No such control code.
    INVALID_DEVICE_REQUEST = 0xC000_0010;
    /// No memory.
    NO_MEMORY = 0xC000_0017;
    /// The handle or the caller lacks the access needed.
    ACCESS_DENIED = 0xC000_0022;
    /// The output buffer cannot take the structure.
    BUFFER_TOO_SMALL = 0xC000_0023;
    /// The handle is of another kind of object.
    OBJECT_TYPE_MISMATCH = 0xC000_0024;
    /// No object of that name.
    OBJECT_NAME_NOT_FOUND = 0xC000_0034;
    /// The thread has begun to exit.
    THREAD_IS_TERMINATING = 0xC000_004B;
    /// The bytes do not form a security descriptor.
    INVALID_SECURITY_DESCR = 0xC000_0079;
    /// The file object is being closed.
    FILE_CLOSED = 0xC000_0128;
    /// A process or a user has as many as it may have.
    QUOTA_EXCEEDED = 0xC000_0044;
    /// There is no such save or connection.
    NOT_FOUND = 0xC000_0225;
    /// An impersonation token was needed.
    NO_IMPERSONATION_TOKEN = 0xC000_005C;
    /// The state of the object does not allow it: nothing was read from a pipe yet.
    CANNOT_IMPERSONATE = 0xC000_010D;
    /// A privilege is not held.
    PRIVILEGE_NOT_HELD = 0xC000_0061;
    /// The thread does not impersonate.
    NO_TOKEN = 0xC000_007C;
    /// No memory for the operation.
    INSUFFICIENT_RESOURCES = 0xC000_009A;
    /// The level asked for is above what the token allows, or the slot's level
    /// is too low for an access check.
    BAD_IMPERSONATION_LEVEL = 0xC000_00A5;
    /// The thread impersonates at Anonymous level, whose token cannot be opened.
    CANT_OPEN_ANONYMOUS = 0xC000_00A6;
    /// The token is of the wrong type.
    BAD_TOKEN_TYPE = 0xC000_00A8;
    /// The driver was called at an IRQL above `PASSIVE_LEVEL`.
    INVALID_DEVICE_STATE = 0xC000_0184;
}

impl Status {
    /// Whether this is a success or informational value.
    pub const fn is_success(self) -> bool {
        self.0 < 0x8000_0000
    }

    /// `Ok` for a success value, the status itself as the error otherwise.
    ///
    /// # Errors
    /// The status, when it is a warning or an error.
    pub const fn ok(self) -> Result<(), Self> {
        if self.is_success() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "STATUS_{name}"),
            None => write!(f, "0x{:08X}", self.0),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
