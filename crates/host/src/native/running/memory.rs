//! Arguments that are pointers: read and written as the kernel does, except that a wrong one is a
//! fault.
#![allow(unsafe_code)] // pointers of unknown origin

use super::context::Context;
use crate::FaultKind;
use crate::native::engine::address::Address;
use crate::native::engine::probe;
use crate::native::engine::stop::{Outcome, Stop};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// `UNICODE_STRING`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct UnicodeString {
    /// Bytes in use.
    pub(crate) length: u16,
    /// Bytes in all.
    pub(crate) maximum_length: u16,
    pub(crate) reserved: u32,
    pub(crate) buffer: u64,
}

impl Context<'_> {
    /// Reads a structure; `what` names it in the fault.
    pub(crate) fn read<T: FromBytes + IntoBytes>(&self, at: Address, what: &str) -> Outcome<T> {
        let mut value = T::new_zeroed();
        match probe::read(value.as_mut_bytes(), at.0) {
            Ok(()) => Ok(value),
            Err(probe::NoMemory) => Err(self.unreachable("read", what, at)),
        }
    }

    /// Reads `length` bytes; `what` names them in the fault.
    pub(crate) fn read_bytes(&self, at: Address, length: usize, what: &str) -> Outcome<Vec<u8>> {
        let mut bytes = vec![0; length];
        match probe::read(&mut bytes, at.0) {
            Ok(()) => Ok(bytes),
            Err(probe::NoMemory) => Err(self.unreachable("read", what, at)),
        }
    }

    /// Writes a structure; `what` names it in the fault.
    pub(crate) fn write<T: IntoBytes + Immutable>(&self, at: Address, value: &T, what: &str) -> Outcome<()> {
        self.write_bytes(at, value.as_bytes(), what)
    }

    /// Writes bytes; `what` names them in the fault.
    pub(crate) fn write_bytes(&self, at: Address, bytes: &[u8], what: &str) -> Outcome<()> {
        // SAFETY: the driver shares the address space and could write there itself: that it names no
        // memory of the host is required here as for each of its own instructions.
        match unsafe { probe::copy(at.0, bytes.as_ptr() as u64, bytes.len()) } {
            Ok(()) => Ok(()),
            Err(probe::NoMemory) => Err(self.unreachable("write", what, at)),
        }
    }

    /// Reads a string. None when the structure is inconsistent, which is an error in KMDF and fatal
    /// in other routines.
    pub(crate) fn read_string(&self, at: Address, what: &str) -> Outcome<Option<String>> {
        let header: UnicodeString = self.read(at, what)?;
        let odd = !header.length.is_multiple_of(2);
        let missing = header.buffer == 0 && header.length != 0;
        if odd || missing || header.length > header.maximum_length {
            return Ok(None);
        }
        let bytes = self.read_bytes(Address(header.buffer), header.length.into(), what)?;
        let (pairs, _) = bytes.as_chunks::<2>();
        let units = pairs.iter().map(|&pair| u16::from_le_bytes(pair));
        Ok(Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()))
    }

    #[cold]
    pub(crate) fn unreachable(&self, verb: &str, what: &str, at: Address) -> Stop {
        let address = self.describe(at.0);
        self.fault(FaultKind::BadPointer, format_args!("cannot {verb} {what} at {address}"))
    }
}
