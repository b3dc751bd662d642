//! Addresses and processor faults in words.
#![allow(unsafe_code)] // the way to what the thread is doing, and its stack

use super::object_address;
use super::pool::Block;
use crate::native::engine::cpu::Cpu;
use crate::native::engine::probe;
use crate::native::engine::signals::Trap;
use crate::native::engine::stack::Beyond;
use crate::native::engine::stop::Stop;
use crate::native::engine::watchdog;
use crate::native::running::machine::Machine;
use crate::{Fault, FaultKind};

/// An address in words.
pub(crate) fn address(address: u64, machine: &Machine) -> String {
    if address < 0x1_0000 {
        return if address == 0 { "null".to_owned() } else { format!("0x{address:X}, next to null") };
    }
    if let Some((kind, id, offset)) = object_address::decode(address) {
        let name = kind.name();
        return match offset {
            0 => format!("{name} {id} (0x{address:X})"),
            _ => format!("offset {offset} of {name} {id} (0x{address:X})"),
        };
    }
    if let Some(site) = machine.mapping.site(address) {
        return format!("0x{address:X} ({site})");
    }
    format!("0x{address:X}")
}

/// The fault that ended an entry into the driver.
#[cold]
pub(crate) fn taken(cpu: &Cpu, machine: &Machine) -> Stop {
    if let Some(fault) = cpu.fault.take() {
        return fault;
    }
    match cpu.trap.take() {
        Some(trap) => Stop::from(of_processor(&trap, cpu, machine)),
        None => Stop::from(Fault {
            kind: FaultKind::Host,
            message: "the host left the driver without a reason".to_owned(),
            site: None,
        }),
    }
}

fn of_processor(trap: &Trap, cpu: &Cpu, machine: &Machine) -> Fault {
    if let Some(export) = trap.export {
        let signal = trap.signal;
        let what =
            if signal == libc::SIGABRT { "panicked".to_owned() } else { format!("got signal {signal}") };
        let message = format!("the host {what} in {}", export.name);
        return Fault { kind: FaultKind::Host, message, site: machine.mapping.site(cpu.caller()) };
    }
    let in_code = machine.mapping.is_code(trap.rip);
    let code = machine.mapping.code_at(trap.rip);
    let (kind, message) = match trap.signal {
        watchdog::SIGNAL => (FaultKind::Hang, "the driver did not return in time".to_owned()),
        _ if !in_code => (
            FaultKind::Instruction,
            format!("the driver went to {}, where it has no code", self::address(trap.rip, machine)),
        ),
        libc::SIGSEGV | libc::SIGBUS => of_memory(trap, code, cpu, machine),
        libc::SIGFPE => (FaultKind::Instruction, "the driver made an arithmetic error".to_owned()),
        libc::SIGTRAP => (FaultKind::Instruction, "the driver ran into a breakpoint".to_owned()),
        libc::SIGILL if code[..2] == [0x0F, 0x0B] => {
            (FaultKind::Instruction, "the driver aborted by an undefined instruction".to_owned())
        }
        signal => (FaultKind::Instruction, format!("the driver got signal {signal}")),
    };
    let at = if in_code { trap.rip } else { came_from(trap).unwrap_or(0) };
    // Without a call that led there, the last one into the host is the only trace.
    let at = if machine.mapping.is_code(at) { at } else { cpu.caller() };
    Fault { kind, message, site: machine.mapping.site(at) }
}

/// Where a call to what is no code would have returned.
fn came_from(trap: &Trap) -> Option<u64> {
    let mut address = 0_u64;
    // SAFETY: into the local.
    unsafe { probe::copy((&raw mut address) as u64, trap.rsp, size_of::<u64>()) }.ok()?;
    Some(address)
}

fn of_memory(trap: &Trap, code: [u8; 4], cpu: &Cpu, machine: &Machine) -> (FaultKind, String) {
    /// `SI_KERNEL`.
    const GENERAL_PROTECTION: i32 = 0x80;
    if code[..2] == [0xCD, 0x29] {
        let why = trap.rcx & 0xFFFF_FFFF;
        return (FaultKind::BugCheck, format!("the driver stopped by fast-fail {why}"));
    }
    // Not a page: the processor then does not say which address it was.
    if trap.code == GENERAL_PROTECTION {
        let message = "the driver used an address that cannot exist, or an instruction of the kernel's";
        return (FaultKind::MemoryAccess, message.to_owned());
    }
    match cpu.stack.beyond(trap.address) {
        Some(Beyond::Bottom) => return (FaultKind::MemoryAccess, "the driver ran out of stack".to_owned()),
        Some(Beyond::Top) => {
            let message = "the driver accessed memory above its stack, over all that is on it";
            return (FaultKind::MemoryAccess, message.to_owned());
        }
        None => {}
    }
    let mut address = self::address(trap.address, machine);
    if let Some(near) = lent(trap.address, cpu, machine) {
        address = format!("{address}, {near},");
    }
    (FaultKind::MemoryAccess, format!("the driver accessed memory at {address}, which it may not"))
}

/// What an address lies next to that was lent to the driver.
fn lent(address: u64, cpu: &Cpu, machine: &Machine) -> Option<String> {
    let of_block = |block: &Block| {
        let place = block.memory.describe(address)?;
        Some(format!("{place} a pool block of {} bytes", block.memory.length()))
    };
    let here = cpu.pool.borrow().live().find_map(of_block);
    here.or_else(|| machine.held.find_block(of_block))
        .or_else(|| {
            // SAFETY: the driver was running, so a dispatch is on the stack below.
            let request = unsafe { cpu.dispatch() }.request?;
            request.describe(address)
        })
        .or_else(|| {
            let security = cpu.security.borrow();
            security.as_ref()?.describe(address)
        })
}
