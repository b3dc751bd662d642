//! What is known of a structure of the contract beside its Rust type, and the macros that declare
//! both in one place.

use crate::Record;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A structure of the contract.
pub trait Structure: FromBytes + IntoBytes + Immutable {
    /// Its bytes.
    const TABLE: Layout;

    /// Puts into the event of an operation what it has of this structure.
    fn report(&self, event: &mut Record);
}

/// The bytes of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Its name; empty for [`crate::wire::Nothing`].
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its length in bytes.
    pub size: usize,
    /// Its fields in the order of their offsets; together they are the whole structure.
    pub fields: &'static [Field],
    /// The values that its fields can have, each list under a name.
    pub values: &'static [(&'static str, &'static Values)],
    /// Of an input: a valid one. Its handle of a token and its ids of a save and of a connection
    /// are arbitrary.
    pub example: &'static [u8],
    /// Of an input: the name of the bytes that follow the structure, and valid ones. Without a
    /// name none may follow.
    pub tail: (&'static str, &'static [u8]),
}

/// Values of a field.
#[derive(Clone, Copy, Debug)]
pub struct Values {
    /// The name of their module.
    pub name: &'static str,
    /// Each of them.
    pub list: &'static [Value],
}

/// A value of a field.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// The number.
    pub number: u32,
    /// The name of its constant.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// A field of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type, as Rust writes it.
    pub rust: &'static str,
    /// What it means; names of other items are links of rustdoc.
    pub doc: &'static str,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// Its length in bytes.
    pub size: usize,
    /// What it holds.
    pub kind: Kind,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A value that is told by its type alone.
    Plain(&'static str),
    /// `SECURITY_IMPERSONATION_LEVEL`.
    Level,
    /// A handle of the caller, sign-extended to 64 bits.
    Handle,
    /// An access mask.
    AccessMask,
    /// An `NTSTATUS`.
    Status,
    /// A LUID, the same whenever the same is done.
    Luid,
    /// The `TokenId` of a token.
    TokenId,
    /// The id of a save.
    SaveId,
    /// The id of a connection.
    ConnectionId,
    /// The id of a connection, 0 for none.
    ConnectionIdOrZero,
    /// A process id.
    ProcessId,
    /// Names a build.
    BuildId,
    /// Another structure.
    Structure(&'static Layout),
    /// As many of another structure as fill it.
    Array(&'static Layout),
}

impl Layout {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// Its bytes in those of a structure.
    ///
    /// # Errors
    /// `None` when the structure ends before them.
    pub fn bytes_of<'a>(&self, structure: &'a mut [u8]) -> Option<&'a mut [u8]> {
        structure.get_mut(self.offset..)?.get_mut(..self.size)
    }

    /// The number in it; `None` when the structure ends before it, or it is longer than 64 bits.
    pub fn read(&self, structure: &[u8]) -> Option<u64> {
        let mut number = [0; 8];
        let bytes = structure.get(self.offset..)?.get(..self.size)?;
        number.get_mut(..self.size)?.copy_from_slice(bytes);
        Some(u64::from_le_bytes(number))
    }

    /// Puts a number into it, without the upper bits for which it is too short. Does nothing when
    /// the structure ends before it.
    pub fn write(&self, structure: &mut [u8], number: u64) {
        for (to, from) in self.bytes_of(structure).into_iter().flatten().zip(number.to_le_bytes()) {
            *to = from;
        }
    }
}

/// Declares a structure of the contract: length, fields with what they hold (where the type alone
/// does not say it), `values` of its fields, for an input an `example`, and what of it goes into
/// the `event` of the operation.
macro_rules! structure {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident: $size:literal {
            $($(#[doc = $field_doc:literal])* pub $field:ident: $type:ty $(as $kind:expr)?,)*
        }
        $(values $label:literal: $values:ident;)*
        $(example { $($example:tt)* } $(then $tail:literal: $bytes:expr;)?)?
        $(event |$this:ident, $event:ident| $report:block)?
    ) => {
        $(#[doc = $doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
        )]
        #[repr(C)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $type,)*
        }

        // Byte for byte: another length is a new protocol version. The fields leave no byte out.
        const _: () = assert!(size_of::<$name>() == $size && 0 $(+ size_of::<$type>())* == $size);

        $(impl $name {
            /// A valid one; its handle of a token and its ids of a save and of a connection are
            /// arbitrary.
            pub const EXAMPLE: Self = Self { $($example)* };
        })?

        impl $crate::layout::Structure for $name {
            const TABLE: $crate::layout::Layout = $crate::layout::Layout {
                name: stringify!($name),
                doc: concat!($($doc),*),
                size: $size,
                fields: &[$($crate::layout::Field {
                    name: stringify!($field),
                    rust: stringify!($type),
                    doc: concat!($($field_doc),*),
                    offset: core::mem::offset_of!($name, $field),
                    size: size_of::<$type>(),
                    kind: $crate::layout::kind!($type $(, $kind)?),
                }),*],
                values: &[$(($label, &$values::VALUES)),*],
                example: $crate::layout::example!($name: $size $(, { $($example)* })?),
                tail: $crate::layout::tail!($($($tail: $bytes)?)?),
            };

            #[allow(unused_variables)] // where the event has nothing of it
            fn report(&self, event: &mut $crate::Record) {
                $(let ($this, $event) = (self, event); $report)?
            }
        }
    };
}

macro_rules! kind {
    ($type:ty) => {
        $crate::layout::Kind::Plain(stringify!($type))
    };
    ($type:ty, $kind:expr) => {
        $kind
    };
}

macro_rules! example {
    ($name:ident: $size:literal) => {
        &[]
    };
    ($name:ident: $size:literal, $example:tt) => {{
        const BYTES: [u8; $size] = zerocopy::transmute!($name::EXAMPLE);
        &BYTES
    }};
}

macro_rules! tail {
    () => {
        ("", &[])
    };
    ($name:literal: $bytes:expr) => {
        ($name, $bytes)
    };
}

/// Declares the values of a field: a module of constants, and `VALUES` with what each means. For
/// `flags` also `ALL`, every flag there is.
macro_rules! values {
    (
        $(#[$doc:meta])*
        pub flags $name:ident: $type:ty {
            $($(#[$value_doc:meta])* $value:ident = $number:expr, $meaning:literal;)*
        }
    ) => {
        $crate::layout::values! {
            $(#[$doc])*
            pub mod $name: $type {
                $($(#[$value_doc])* $value = $number, $meaning;)*
            }
            /// Every flag there is.
            pub const ALL: $type = 0 $(| $value)*;
        }
    };
    (
        $(#[$doc:meta])*
        pub mod $name:ident: $type:ty {
            $($(#[$value_doc:meta])* $value:ident = $number:expr, $meaning:literal;)*
        }
        $($all:item)?
    ) => {
        $(#[$doc])*
        pub mod $name {
            $($(#[$value_doc])* pub const $value: $type = $number;)*
            $($all)?
            /// Each value with its name and what it means.
            #[allow(clippy::unnecessary_cast, clippy::cast_lossless)] // not of every type
            pub const VALUES: $crate::layout::Values = $crate::layout::Values {
                name: stringify!($name),
                list: &[$($crate::layout::Value {
                    number: $value as u32,
                    name: stringify!($value),
                    meaning: $meaning,
                }),*],
            };
        }
    };
}

pub(crate) use {example, kind, structure, tail, values};
