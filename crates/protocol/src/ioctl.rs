//! The one table of control codes.

use crate::wire;

/// What a control code does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Says which contract and which build this is.
    Version,
    /// Makes a thread impersonate a token.
    Impersonate,
    /// Reads a thread's slot.
    Query,
    /// Ends the calling thread's impersonation with `PsRevertToSelf`.
    Revert,
    /// Ends a thread's impersonation with `PsImpersonateClient` and no token.
    End,
}

/// Access that the file handle needs; the I/O manager checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Access {
    /// `FILE_READ_DATA`: looks only.
    Read = 1,
    /// `FILE_WRITE_DATA`: changes state.
    Write = 2,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ioctl {
    /// What it does.
    pub operation: Operation,
    /// Its name.
    pub name: &'static str,
    /// Function number, 0x800 upwards.
    pub function: u32,
    /// Access the file handle needs.
    pub access: Access,
    /// Length of the input in bytes; no other length is accepted.
    pub input: usize,
    /// Length of the output in bytes; the buffer may be longer.
    pub output: usize,
}

impl Ioctl {
    const FILE_DEVICE_UNKNOWN: u32 = 0x22;

    /// The control code: `CTL_CODE(FILE_DEVICE_UNKNOWN, function,
    /// METHOD_BUFFERED, access)`.
    pub const fn code(&self) -> u32 {
        Self::FILE_DEVICE_UNKNOWN << 16 | (self.access as u32) << 14 | self.function << 2
    }

    /// The row of a control code.
    pub fn by_code(code: u32) -> Option<&'static Self> {
        IOCTLS.iter().find(|row| row.code() == code)
    }

    /// The row of an operation.
    pub const fn of(operation: Operation) -> &'static Self {
        match operation {
            Operation::Version => &IOCTLS[0],
            Operation::Impersonate => &IOCTLS[1],
            Operation::Query => &IOCTLS[2],
            Operation::Revert => &IOCTLS[3],
            Operation::End => &IOCTLS[4],
        }
    }
}

/// Every control code the driver answers.
pub const IOCTLS: [Ioctl; 5] = [
    Ioctl {
        operation: Operation::Version,
        name: "VERSION",
        function: 0x800,
        access: Access::Read,
        input: 0,
        output: size_of::<wire::Version>(),
    },
    Ioctl {
        operation: Operation::Impersonate,
        name: "IMPERSONATE",
        function: 0x801,
        access: Access::Write,
        input: size_of::<wire::Impersonate>(),
        output: size_of::<wire::Outcome>(),
    },
    Ioctl {
        operation: Operation::Query,
        name: "QUERY",
        function: 0x802,
        access: Access::Read,
        input: size_of::<wire::Thread>(),
        output: size_of::<wire::Slot>(),
    },
    Ioctl {
        operation: Operation::Revert,
        name: "REVERT",
        function: 0x806,
        access: Access::Write,
        input: 0,
        output: size_of::<wire::Slot>(),
    },
    Ioctl {
        operation: Operation::End,
        name: "END",
        function: 0x807,
        access: Access::Write,
        input: size_of::<wire::Thread>(),
        output: size_of::<wire::Slot>(),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes as other programs will have them compiled in.
    #[test]
    fn codes_are_the_published_ones() {
        let codes = IOCTLS.map(|row| (row.name, row.code()));
        assert_eq!(
            codes,
            [
                ("VERSION", 0x0022_6000),
                ("IMPERSONATE", 0x0022_A004),
                ("QUERY", 0x0022_6008),
                ("REVERT", 0x0022_A018),
                ("END", 0x0022_A01C),
            ]
        );
    }

    #[test]
    fn every_row_is_found_by_code_and_by_operation() {
        for row in &IOCTLS {
            assert_eq!(Ioctl::by_code(row.code()), Some(row));
            assert_eq!(Ioctl::of(row.operation), row);
        }
        assert_eq!(Ioctl::by_code(0x0022_6004), None, "IMPERSONATE under another access");
    }
}
