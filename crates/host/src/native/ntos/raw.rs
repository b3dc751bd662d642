//! Memory and strings.
#![allow(unsafe_code)] // memory that the driver names

use crate::FaultKind;
use crate::native::engine::address::Address;
use crate::native::engine::probe::{self, NoMemory};
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use crate::native::running::memory::UnicodeString;

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn memcpy[ANY, fails NEVER](cx, to: Address, from: Address, length: u64) -> Address {
        copy(cx, to, from, length)
    }

    fn memmove[ANY, fails NEVER](cx, to: Address, from: Address, length: u64) -> Address {
        copy(cx, to, from, length)
    }

    fn memset[ANY, fails NEVER](cx, to: Address, byte: u32, length: u64) -> Address {
        let [byte, ..] = byte.to_le_bytes();
        // SAFETY: the driver requests that its memory be filled.
        let result = unsafe { probe::fill(to.0, byte, size(length)) };
        result.map_err(|NoMemory| unreachable(cx, &[to], length))?;
        Ok(to)
    }

    fn memcmp[ANY, fails NEVER](cx, left: Address, right: Address, length: u64) -> i32 {
        let result = probe::compare(left.0, right.0, size(length));
        result.map_err(|NoMemory| unreachable(cx, &[left, right], length))
    }

    fn RtlCopyUnicodeString[ANY, fails NEVER](cx, to: Address, from: Address) {
        let mut target: UnicodeString = cx.read(to, "the target string")?;
        target.length = 0;
        if let Some(from) = from.non_null() {
            let source: UnicodeString = cx.read(from, "the source string")?;
            let length = source.length.min(target.maximum_length);
            let bytes = cx.read_bytes(Address(source.buffer), length.into(), "the source's characters")?;
            cx.write_bytes(Address(target.buffer), &bytes, "the target's characters")?;
            target.length = length;
            if target.maximum_length - length >= 2 {
                let end = Address(target.buffer.wrapping_add(length.into()));
                cx.write(end, &0_u16, "the target's end")?;
            }
        }
        cx.write(to, &target.length, "the target string")
    }
}

fn copy(cx: &Context<'_>, to: Address, from: Address, length: u64) -> Outcome<Address> {
    // SAFETY: the driver requests that its memory be written.
    let result = unsafe { probe::copy(to.0, from.0, size(length)) };
    result.map_err(|NoMemory| unreachable(cx, &[to, from], length))?;
    Ok(to)
}

fn size(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cold]
fn unreachable(cx: &Context<'_>, addresses: &[Address], length: u64) -> Stop {
    let addresses: Vec<String> = addresses.iter().map(|address| cx.describe(address.0)).collect();
    let addresses = addresses.join(" and ");
    cx.fault(FaultKind::BadPointer, format_args!("cannot reach all of {length} bytes at {addresses}"))
}
