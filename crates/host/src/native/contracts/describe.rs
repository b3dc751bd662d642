//! Descriptions of addresses and processor faults.

use super::object_address;
use crate::native::engine::mapping::Mapping;
use crate::native::engine::stack::{Beyond, Stack};
use crate::native::engine::trap::Trap;
use crate::native::engine::{probe, watchdog};
use crate::{Fault, FaultKind};

/// A description of an address.
pub(crate) fn address(address: u64, mapping: &Mapping) -> String {
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
    if let Some(site) = mapping.site(address) {
        return format!("0x{address:X} ({site})");
    }
    format!("0x{address:X}")
}

/// The fault of a trap; `lent` returns the memory lent to the driver that an address is in or next to,
/// in words.
#[cold]
pub(crate) fn trap(
    trap: &Trap,
    stack: &Stack,
    mapping: &Mapping,
    lent: impl FnOnce(u64) -> Option<String>,
) -> Fault {
    if let Some(export) = trap.export {
        let signal = trap.signal;
        let what =
            if signal == libc::SIGABRT { "panicked".to_owned() } else { format!("got signal {signal}") };
        let message = format!("the host {what} in {}", export.name);
        return Fault { kind: FaultKind::Host, message, site: mapping.site(trap.last_call) };
    }
    let in_code = mapping.is_code(trap.rip);
    let code = mapping.code_at(trap.rip);
    let (kind, message) = match trap.signal {
        watchdog::SIGNAL => (FaultKind::Hang, "the driver did not return in time".to_owned()),
        _ if !in_code => (
            FaultKind::Instruction,
            format!("the driver went to {}, where it has no code", self::address(trap.rip, mapping)),
        ),
        libc::SIGSEGV | libc::SIGBUS => of_memory(trap, code, stack, mapping, lent),
        libc::SIGFPE => (FaultKind::Instruction, "the driver made an arithmetic error".to_owned()),
        libc::SIGTRAP => (FaultKind::Instruction, "the driver ran into a breakpoint".to_owned()),
        libc::SIGILL if code[..2] == [0x0F, 0x0B] => {
            (FaultKind::Instruction, "the driver aborted by an undefined instruction".to_owned())
        }
        signal => (FaultKind::Instruction, format!("the driver got signal {signal}")),
    };
    let at = if in_code { trap.rip } else { came_from(trap).unwrap_or(0) };
    // Without a call that led here, the last call into the host is the only trace.
    let at = if mapping.is_code(at) { at } else { trap.last_call };
    Fault { kind, message, site: mapping.site(at) }
}

/// The return address of a call to an address that is not code.
fn came_from(trap: &Trap) -> Option<u64> {
    let mut address = [0; 8];
    probe::read(&mut address, trap.rsp).ok()?;
    Some(u64::from_le_bytes(address))
}

fn of_memory(
    trap: &Trap,
    code: [u8; 4],
    stack: &Stack,
    mapping: &Mapping,
    lent: impl FnOnce(u64) -> Option<String>,
) -> (FaultKind, String) {
    /// `SI_KERNEL`.
    const GENERAL_PROTECTION: i32 = 0x80;
    if code[..2] == [0xCD, 0x29] {
        let why = trap.rcx & 0xFFFF_FFFF;
        return (FaultKind::BugCheck, format!("the driver stopped by fast-fail {why}"));
    }
    // Not a page: the processor does not report a non-canonical address.
    if trap.code == GENERAL_PROTECTION {
        let message = "the driver used an address that cannot exist, or an instruction of the kernel's";
        return (FaultKind::MemoryAccess, message.to_owned());
    }
    match stack.beyond(trap.address) {
        Some(Beyond::Bottom) => return (FaultKind::MemoryAccess, "the driver ran out of stack".to_owned()),
        Some(Beyond::Top) => {
            let message = "the driver accessed memory above its stack, over all that is on it";
            return (FaultKind::MemoryAccess, message.to_owned());
        }
        None => {}
    }
    let mut address = self::address(trap.address, mapping);
    if let Some(near) = lent(trap.address) {
        address = format!("{address}, {near}");
    }
    (FaultKind::MemoryAccess, format!("the driver accessed memory at {address}, which it may not"))
}
