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
    /// Keeps a thread's slot for later.
    Save,
    /// Puts a saved slot back, decided anew by the kernel.
    Restore,
    /// Drops a saved slot.
    Discard,
    /// Ends the calling thread's impersonation with `PsRevertToSelf`.
    Revert,
    /// Ends a thread's impersonation with `PsImpersonateClient` and no token.
    End,
    /// Says what IMPERSONATE would decide, and why.
    Evaluate,
    /// Checks access to a security descriptor as the calling thread now is.
    AccessCheck,
    /// Tells of the next client that this server serves, or could.
    NextClient,
    /// Makes the calling thread impersonate a client that is connected.
    Serve,
    /// The check of `ACCESS_CHECK`, and beside it the same on a thread of the system.
    WorkerCheck,
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

/// How long an input is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Exactly so long.
    Exactly(usize),
    /// A structure of this length, and then as many bytes as it says.
    Headed(usize),
}

impl Input {
    /// Whether an input of `length` bytes can be one.
    pub const fn takes(self, length: usize) -> bool {
        match self {
            Self::Exactly(exact) => length == exact,
            Self::Headed(header) => length >= header,
        }
    }
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
    /// What the input may be.
    pub input: Input,
    /// Length of the output in bytes; the buffer may be longer.
    pub output: usize,
}

impl Ioctl {
    const FILE_DEVICE_UNKNOWN: u32 = 0x22;
    /// Function numbers from here on are a vendor's.
    const FIRST_FUNCTION: u32 = 0x800;

    /// The control code: `CTL_CODE(FILE_DEVICE_UNKNOWN, function,
    /// METHOD_BUFFERED, access)`.
    pub const fn code(&self) -> u32 {
        Self::FILE_DEVICE_UNKNOWN << 16 | (self.access as u32) << 14 | self.function << 2
    }

    /// The row of a control code.
    pub fn by_code(code: u32) -> Option<&'static Self> {
        let index = (code >> 2 & 0xFFF).checked_sub(Self::FIRST_FUNCTION)?;
        IOCTLS.get(index as usize).filter(|row| row.code() == code)
    }

    /// The row of an operation.
    pub const fn of(operation: Operation) -> &'static Self {
        &IOCTLS[operation as usize]
    }
}

const fn row(
    operation: Operation,
    name: &'static str,
    function: u32,
    access: Access,
    input: Input,
    output: usize,
) -> Ioctl {
    Ioctl { operation, name, function, access, input, output }
}

/// Every control code the driver answers, in the order of [`Operation`] and of the function
/// numbers, which begin at 0x800 and have no gap.
pub const IOCTLS: [Ioctl; 13] = {
    use Access::{Read, Write};
    use Input::{Exactly, Headed};
    use Operation::{
        AccessCheck, Discard, End, Evaluate, Impersonate, NextClient, Query, Restore, Revert, Save, Serve,
        Version, WorkerCheck,
    };
    const THREAD: Input = Exactly(size_of::<wire::Thread>());
    const SLOT: usize = size_of::<wire::Slot>();
    const OUTCOME: usize = size_of::<wire::Outcome>();
    const IMPERSONATE: Input = Exactly(size_of::<wire::Impersonate>());
    const ACCESS_CHECK: Input = Headed(size_of::<wire::AccessCheck>());
    [
        row(Version, "VERSION", 0x800, Read, Exactly(0), size_of::<wire::Version>()),
        row(Impersonate, "IMPERSONATE", 0x801, Write, IMPERSONATE, OUTCOME),
        row(Query, "QUERY", 0x802, Read, THREAD, SLOT),
        row(Save, "SAVE", 0x803, Write, THREAD, size_of::<wire::Saved>()),
        row(Restore, "RESTORE", 0x804, Write, Exactly(size_of::<wire::Restore>()), OUTCOME),
        row(Discard, "DISCARD", 0x805, Write, Exactly(size_of::<wire::Discard>()), 0),
        row(Revert, "REVERT", 0x806, Write, Exactly(0), SLOT),
        row(End, "END", 0x807, Write, THREAD, SLOT),
        row(Evaluate, "EVALUATE", 0x808, Read, IMPERSONATE, size_of::<wire::Evaluation>()),
        row(AccessCheck, "ACCESS_CHECK", 0x809, Read, ACCESS_CHECK, size_of::<wire::Access>()),
        row(
            NextClient,
            "NEXT_CLIENT",
            0x80A,
            Read,
            Exactly(size_of::<wire::NextClient>()),
            size_of::<wire::Connection>(),
        ),
        row(Serve, "SERVE", 0x80B, Write, Exactly(size_of::<wire::Serve>()), OUTCOME),
        row(WorkerCheck, "WORKER_CHECK", 0x80C, Read, ACCESS_CHECK, size_of::<wire::WorkerAccess>()),
    ]
};

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
                ("SAVE", 0x0022_A00C),
                ("RESTORE", 0x0022_A010),
                ("DISCARD", 0x0022_A014),
                ("REVERT", 0x0022_A018),
                ("END", 0x0022_A01C),
                ("EVALUATE", 0x0022_6020),
                ("ACCESS_CHECK", 0x0022_6024),
                ("NEXT_CLIENT", 0x0022_6028),
                ("SERVE", 0x0022_A02C),
                ("WORKER_CHECK", 0x0022_6030),
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
