//! Security descriptors in memory of the driver.

use crate::native::engine::address::Address;
use crate::native::engine::stop::Outcome;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_model::SecurityDescriptor;
use zerocopy::{FromBytes, IntoBytes};

/// `SECURITY_DESCRIPTOR_RELATIVE`: each part by its offset; 0 means none.
#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct Relative {
    revision: u8,
    reserved: u8,
    control: u16,
    owner: u32,
    group: u32,
    sacl: u32,
    dacl: u32,
}

/// Bits of the control field.
mod control {
    pub(super) const DACL_PRESENT: u16 = 0x0004;
    pub(super) const SACL_PRESENT: u16 = 0x0010;
    pub(super) const SELF_RELATIVE: u16 = 0x8000;
}

/// `SECURITY_INFORMATION`.
mod information {
    pub(super) const OWNER: u32 = 1;
    pub(super) const GROUP: u32 = 2;
}

/// More than two lists and two SIDs need, at any offsets.
const MOST: usize = 1 << 20;
const WHAT: &str = "the security descriptor";

exports! {
    /// The exports that are modelled.
    EXPORTS:

    /// Reads no byte beyond the length.
    fn RtlValidRelativeSecurityDescriptor[APC, fails NEVER](
        cx, descriptor: Address, length: u32, required: u32
    ) -> bool {
        let other = required & !(information::OWNER | information::GROUP);
        if other != 0 {
            return cx.not_modelled(format_args!("requires the parts 0x{other:X} of a security descriptor"));
        }
        let length = length as usize;
        if length < size_of::<Relative>() {
            return Ok(false);
        }
        if length > MOST {
            return cx.not_modelled(format_args!("was given a security descriptor of {length} bytes"));
        }
        let bytes = cx.read_bytes(descriptor, length, WHAT)?;
        match SecurityDescriptor::parse(&bytes) {
            Ok(SecurityDescriptor { owner, group, .. }) => Ok((required & information::OWNER == 0
                || owner.is_some())
                && (required & information::GROUP == 0 || group.is_some())),
            Err(_) => Ok(false),
        }
    }
}

/// Reads a descriptor that the driver passes as valid.
pub(super) fn read(cx: &Context<'_>, at: Address) -> Outcome<SecurityDescriptor> {
    let header: Relative = cx.read(at, WHAT)?;
    if header.control & control::SELF_RELATIVE == 0 {
        return cx.not_modelled("was given an absolute security descriptor");
    }
    let list = |offset, present| if header.control & present == 0 { 0 } else { offset };
    let (sacl, dacl) = (list(header.sacl, control::SACL_PRESENT), list(header.dacl, control::DACL_PRESENT));
    let mut end = size_of::<Relative>();
    for (offset, length) in [
        // A SID's second byte is its sub-authority count; a list's third and fourth are
        // its size.
        (header.owner, sid_length as fn([u8; 4]) -> usize),
        (header.group, sid_length),
        (sacl, list_length),
        (dacl, list_length),
    ] {
        if offset != 0 {
            let start: [u8; 4] = cx.read(Address(at.0.wrapping_add(offset.into())), WHAT)?;
            end = end.max(offset as usize + length(start));
        }
    }
    if end > MOST {
        return cx.bad_argument(format_args!("was given a security descriptor that spans {end} bytes"));
    }
    let bytes = cx.read_bytes(at, end, WHAT)?;
    match SecurityDescriptor::parse(&bytes) {
        Ok(descriptor) => Ok(descriptor),
        Err(why) => cx.bad_argument(format_args!("was given bytes that are no security descriptor: {why:?}")),
    }
}

fn sid_length([_, count, ..]: [u8; 4]) -> usize {
    8 + 4 * usize::from(count)
}

fn list_length([.., low, high]: [u8; 4]) -> usize {
    usize::from(u16::from_le_bytes([low, high]))
}
