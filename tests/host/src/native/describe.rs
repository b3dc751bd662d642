//! Addresses and processor faults in words.

use super::Stop;
use super::cpu::Cpu;
use super::machine::Machine;
use super::opaque;
use super::signals::Trap;
use super::watchdog;
use crate::{Fault, FaultKind};

/// An address in words.
pub(crate) fn address(address: u64, machine: &Machine) -> String {
    if address < 0x1_0000 {
        return if address == 0 { "null".to_owned() } else { format!("0x{address:X}, next to null") };
    }
    if let Some((kind, id, offset)) = opaque::decode(address) {
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
    let site = machine.mapping.site(trap.rip);
    let code = machine.mapping.code_at(trap.rip);
    let (kind, message) = match trap.signal {
        watchdog::SIGNAL => (FaultKind::Hang, "the driver did not return in time".to_owned()),
        _ if site.is_none() || !machine.mapping.is_code(trap.rip) => (
            FaultKind::Instruction,
            format!("the driver went to {}, where it has no code", self::address(trap.rip, machine)),
        ),
        libc::SIGSEGV | libc::SIGBUS => of_memory(trap, code, machine),
        libc::SIGFPE => (FaultKind::Instruction, "the driver made an arithmetic error".to_owned()),
        libc::SIGTRAP => (FaultKind::Instruction, "the driver ran into a breakpoint".to_owned()),
        libc::SIGILL if code[..2] == [0x0F, 0x0B] => {
            (FaultKind::Instruction, "the driver aborted by an undefined instruction".to_owned())
        }
        signal => (FaultKind::Instruction, format!("the driver got signal {signal}")),
    };
    // Outside the image, the last call is the only trace.
    let site = site.or_else(|| machine.mapping.site(cpu.caller()));
    Fault { kind, message, site }
}

fn of_memory(trap: &Trap, code: [u8; 4], machine: &Machine) -> (FaultKind, String) {
    const STACK: u64 = 0x1_0000;
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
    if trap.address.abs_diff(trap.rsp) < STACK {
        return (FaultKind::MemoryAccess, "the driver ran out of stack".to_owned());
    }
    let address = self::address(trap.address, machine);
    (FaultKind::MemoryAccess, format!("the driver accessed memory at {address}, which it may not"))
}
