//! The driver's call stack, from the image's own unwind data.
//!
//! The driver's frames are on its stack, between an entry and the call of an export. Only
//! the stack pointer is known there: unwinding uses no frame pointer, and a function that
//! needs one ends the list.
#![allow(unsafe_code)] // the driver's frames on the stack

use super::cpu::Cpu;
use super::frame::CallFrame;
use super::mapping::Mapping;
use crate::Site;
use pe_unwind_info::x86_64::{FunctionTableEntries, Register, UnwindState, XmmRegister};
use std::ops::Range;

/// More than a driver's stack of some kilobytes can hold.
const MOST: usize = 256;

/// The value of unknown registers: an address that is on no stack.
const UNKNOWN: u64 = 1 << 62;

/// Replaces the code bytes. The unwinder would take a jump after a call for a function
/// epilogue, and the frame for already popped, even if the jump stays in the same function;
/// but the code after a call is never past the first instruction of an epilogue.
static NO_END: [u8; 0x1_0000] = [0x90; 0x1_0000];

/// Where the calls were made that led to the export call in progress, innermost
/// first.
pub(crate) fn stack(cpu: &Cpu, mapping: &Mapping) -> Vec<Site> {
    let mut sites = Vec::new();
    let (mut frame, mut call) = (cpu.frame(), cpu.call());
    // SAFETY: null, or an entry that is still on the stack below, because the
    // thread is in an export.
    while let Some(entry) = unsafe { frame.as_ref() } {
        let end = if entry.outer.is_null() { cpu.stack.top() } else { entry.rsp };
        one_entry(mapping, call, end, &mut sites);
        (frame, call) = (entry.outer, entry.call);
    }
    sites
}

/// The calls since one entry, whose frames end at `end`.
fn one_entry(mapping: &Mapping, call: CallFrame, end: u64, sites: &mut Vec<Site>) {
    let functions = FunctionTableEntries::parse(mapping.functions());
    let mut registers = Registers { values: [UNKNOWN; 16], stack: call.rsp..end };
    // Past the return address, as it will be after the export has returned.
    registers.write_register(Register::RSP, call.rsp + 8);
    let mut next = Some(call.caller);
    while let Some(site) = next.and_then(|rip| mapping.site(rip)).filter(|_| sites.len() < MOST) {
        sites.push(site);
        // A function without unwind data would be treated as a leaf function, and one that
        // ends outside of its section cannot be read.
        let function = functions.lookup(site.rva).filter(|function| {
            let rest = function.end_address.get().saturating_sub(site.rva) as usize;
            rest <= NO_END.len() && mapping.constant(site.rva).is_some_and(|code| rest <= code.len())
        });
        let constant = |rva| if rva == site.rva { Some(&NO_END[..]) } else { mapping.constant(rva) };
        next = function.and_then(|_| functions.unwind_frame(&mut registers, constant, site.rva));
    }
}

/// What unwinding knows of a frame.
struct Registers {
    values: [u64; 16],
    /// The readable range: the driver's part of the stack.
    stack: Range<u64>,
}

impl UnwindState for Registers {
    fn read_register(&mut self, register: Register) -> u64 {
        self.values.get(register as usize).copied().unwrap_or(UNKNOWN)
    }

    fn read_stack(&mut self, address: u64) -> Option<u64> {
        let last = address.checked_add(7)?;
        if !self.stack.contains(&address) || !self.stack.contains(&last) || !address.is_multiple_of(8) {
            return None;
        }
        // SAFETY: on the driver's stack of this thread, in frames that stay until the export
        // returns.
        Some(unsafe { (address as *const u64).read() })
    }

    fn write_register(&mut self, register: Register, value: u64) {
        if let Some(known) = self.values.get_mut(register as usize) {
            *known = value;
        }
    }

    fn write_xmm_register(&mut self, _register: XmmRegister, _value: u128) {}
}
