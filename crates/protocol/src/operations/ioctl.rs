//! What is known of a control code, and the macro that makes it of one row an operation.

use super::{ABOUT, IOCTLS, Operation};
use crate::event::EventLevel;
use crate::layout::Layout;

/// Access that the file handle needs; the I/O manager checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Access {
    /// `FILE_READ_DATA`.
    Read = 1,
    /// `FILE_WRITE_DATA`.
    Write = 2,
}

/// What an operation changes when it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Nothing: it needs read access only.
    Nothing,
    /// The slot of a thread.
    Slot,
    /// The saves that the file object keeps, each with a reference on its token.
    Saves,
}

/// How long an input is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Exactly so long.
    Exactly(u16),
    /// A structure of this length, followed by as many bytes as it specifies.
    Headed(u16),
}

impl Input {
    pub(crate) const fn of(layout: &Layout) -> Self {
        let length = short(layout.size);
        if layout.tail.0.is_empty() { Self::Exactly(length) } else { Self::Headed(length) }
    }

    /// Whether an input of `length` bytes can be one.
    pub const fn takes(self, length: usize) -> bool {
        match self {
            Self::Exactly(exact) => length == exact as usize,
            Self::Headed(header) => length >= header as usize,
        }
    }
}

/// The length of a structure, as short as the table has it.
#[allow(clippy::cast_possible_truncation)] // checked
pub(crate) const fn short(length: usize) -> u16 {
    assert!(length <= u16::MAX as usize);
    length as u16
}

/// What the driver knows of a control code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ioctl {
    /// What it does.
    pub operation: Operation,
    /// Its name.
    pub name: &'static str,
    /// What the input may be.
    pub input: Input,
    pub(crate) output: u16,
    /// What it changes.
    pub changes: Changes,
}

/// What an operation does on the way that can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Opens a thread by a handle of the caller.
    OpenThread,
    /// Opens a token by a handle of the caller.
    OpenToken,
    /// Demands more access to a token that is a primary one.
    CheckPrimaryToken,
    /// Compares the level asked for with the token's own.
    CheckTokenLevel,
    /// Has the kernel assign a token to a thread.
    Assign,
    /// Uses the saves of the file object.
    UseSaves,
    /// Adds one.
    AddSave,
    /// Looks one up by its id.
    FindSave,
    /// Looks for the next client.
    FindClient,
    /// Accepts a client by the id of its connection.
    AcceptClient,
    /// Checks access to a descriptor of the caller.
    CheckAccess,
}

/// What else is known of an operation, for documentation and tests.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// What it does, in a sentence.
    pub purpose: &'static str,
    /// The structure of the input.
    pub input: &'static Layout,
    /// The structure of the output.
    pub output: &'static Layout,
    /// What it does on the way that can be refused.
    pub steps: &'static [Step],
}

impl Ioctl {
    const FILE_DEVICE_UNKNOWN: u32 = 0x22;
    /// Function numbers from here on are a vendor's.
    const FIRST_FUNCTION: u32 = 0x800;

    /// The control code that the next operation gets if it changes nothing; the driver does not
    /// know it.
    #[allow(clippy::cast_possible_truncation)] // the table is short
    pub const NEXT_FREE_CODE: u32 = Self::control_code(IOCTLS.len() as u32, Access::Read);

    /// `CTL_CODE(FILE_DEVICE_UNKNOWN, function, METHOD_BUFFERED, access)`.
    const fn control_code(index: u32, access: Access) -> u32 {
        Self::FILE_DEVICE_UNKNOWN << 16 | (access as u32) << 14 | (Self::FIRST_FUNCTION + index) << 2
    }

    /// The access that the file handle needs.
    pub const fn access(&self) -> Access {
        match self.changes {
            Changes::Nothing => Access::Read,
            Changes::Slot | Changes::Saves => Access::Write,
        }
    }

    /// The level of its event when it is done and stored no lower level than was asked for.
    pub const fn event_level(&self) -> EventLevel {
        match self.changes {
            Changes::Nothing => EventLevel::ReadOnly,
            Changes::Slot | Changes::Saves => EventLevel::Change,
        }
    }

    /// Length of the output in bytes; the buffer may be longer.
    pub const fn output(&self) -> usize {
        self.output as usize
    }

    /// The control code.
    pub const fn code(&self) -> u32 {
        Self::control_code(self.operation as u32, self.access())
    }

    /// The row of a control code.
    #[inline(never)]
    pub fn by_code(code: u32) -> Option<&'static Self> {
        let index = (code >> 2 & 0xFFF).wrapping_sub(Self::FIRST_FUNCTION);
        let row = IOCTLS.get(index as usize)?;
        if row.code() == code { Some(row) } else { None }
    }

    /// The row of an operation.
    pub const fn of(operation: Operation) -> &'static Self {
        &IOCTLS[operation as usize]
    }

    /// What else is known of it.
    pub const fn about(&self) -> &'static About {
        &ABOUT[self.operation as usize]
    }
}

/// Makes of one row an operation: [`Operation`], [`IOCTLS`], [`ABOUT`], and what an event has of
/// its input and reply.
macro_rules! operations {
    ($(
        #[doc = $purpose:literal]
        $operation:ident = $name:literal: $input:ident -> $output:ident, changes $changes:ident,
        steps [$($step:ident),*];
    )*) => {
        /// What a control code does. The order is that of the function numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(#[doc = $purpose] $operation,)*
        }

        /// Every control code the driver answers, in the order of [`Operation`] and of the
        /// function numbers, which begin at 0x800 and have no gap.
        pub const IOCTLS: &[Ioctl] = &[$(Ioctl {
            operation: Operation::$operation,
            name: $name,
            input: Input::of(&<$crate::wire::$input as Structure>::TABLE),
            output: short(size_of::<$crate::wire::$output>()),
            changes: Changes::$changes,
        }),*];

        pub(crate) const ABOUT: &[About] = &[$(About {
            purpose: $purpose,
            input: &<$crate::wire::$input as Structure>::TABLE,
            output: &<$crate::wire::$output as Structure>::TABLE,
            steps: &[$(Step::$step),*],
        }),*];

        /// Length of the longest reply, in bytes.
        pub const MAX_REPLY: usize = {
            let mut longest = 0;
            $(if size_of::<$crate::wire::$output>() > longest {
                longest = size_of::<$crate::wire::$output>();
            })*
            longest
        };

        impl Operation {
            pub(crate) fn report_input(self, input: &[u8], event: &mut Record) {
                match self {
                    $(Self::$operation => report::<$crate::wire::$input>(input, event),)*
                }
            }

            #[inline(never)]
            pub(crate) fn report_reply(self, reply: &[u8], event: &mut Record) {
                match self {
                    $(Self::$operation => report::<$crate::wire::$output>(reply, event),)*
                }
            }
        }

        /// Bytes that are no such structure have nothing to report.
        fn report<T: Structure>(bytes: &[u8], event: &mut Record) {
            if let Ok(structure) = T::read_from_bytes(bytes) {
                structure.report(event);
            }
        }
    };
}

pub(crate) use operations;
