//! Entry into the driver and exit from it: by return, or from any depth when it broke a contract.
//!
//! [`enter`] saves the registers that the host's calling convention preserves in a [`Frame`] on its
//! stack and calls the driver on a separate stack, bounded by guard pages. [`leave`], and the signal
//! handler through [`landing`], return to the innermost frame; the driver's frames in between are
//! dropped without unwinding. Frames of the host are never in between: an export has finished its own
//! work by then.
#![allow(unsafe_code)] // a calling convention of another system, and a jump over its frames

use super::cpu::Cpu;
use super::frame::Frame;
use super::mapping::Code;
use super::stop::Stop;
use super::trap::Trap;
use std::arch::naked_asm;

/// The result: `rax`, and whether it came by a jump.
#[repr(C)]
struct Exit {
    value: u64,
    jumped: u64,
}

/// The maximum number of arguments of a driver function.
pub(crate) const MOST_ARGUMENTS: usize = 8;

/// The reason why an entry ended before the function returned.
#[derive(Debug)]
pub(crate) enum Ended {
    /// An export detected a broken contract.
    Fault(Stop),
    /// The processor, or the watchdog, stopped the driver.
    Trap(Trap),
    /// Neither is recorded: an error of the host.
    Unknown,
}

/// Calls a function of the driver.
///
/// # Errors
/// The reason why it ended before it returned.
pub(crate) fn enter(cpu: &Cpu, target: Code<'_>, arguments: [u64; MOST_ARGUMENTS]) -> Result<u64, Ended> {
    let (outer, call_before) = (cpu.frame(), cpu.call());
    let mut frame = Frame { rsp: 0, outer, call: call_before };
    let export = cpu.export.get();
    // A nested call continues on the driver's stack.
    let stack = if outer.is_null() { cpu.stack.top() } else { 0 };
    cpu.set_frame(&raw mut frame);
    cpu.export.set(None);
    // SAFETY: the target is code that stays mapped as long as `target` lives, and takes integers; the
    // frame outlives the call; GS points to `cpu`, because a reference to a block is only to be had on
    // its own thread; the stack is the thread's, and not in use.
    let exit = unsafe { call(&raw mut frame, target.address(), arguments.as_ptr(), stack) };
    cpu.set_frame(outer);
    cpu.export.set(export);
    cpu.set_call(call_before);
    if exit.jumped == 0 {
        return Ok(exit.value);
    }
    Err(match (cpu.fault.take(), cpu.trap.take()) {
        (Some(fault), _) => Ended::Fault(fault),
        (None, Some(trap)) => Ended::Trap(trap),
        (None, None) => Ended::Unknown,
    })
}

/// Ends the innermost entry with the fault that is stored in the block.
///
/// # Safety
/// The thread is in the driver, and no host frame above the innermost entry has work left to do.
pub(crate) unsafe fn leave() -> ! {
    // SAFETY: as the caller promises.
    unsafe { landing() }
}

#[unsafe(naked)]
unsafe extern "sysv64" fn call(frame: *mut Frame, target: u64, arguments: *const u64, stack: u64) -> Exit {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "stmxcsr [rsp]",
        "fnstcw [rsp + 4]",
        "mov [rdi], rsp",
        "test rcx, rcx",
        "cmovnz rsp, rcx",
        // Room for the four register arguments, which the callee owns, and above it the other four.
        "sub rsp, 64",
        "mov rax, rsi",
        "mov r10, rdx",
        "movups xmm0, [r10 + 32]",
        "movups [rsp + 32], xmm0",
        "movups xmm0, [r10 + 48]",
        "movups [rsp + 48], xmm0",
        "mov rcx, [r10]",
        "mov rdx, [r10 + 8]",
        "mov r8, [r10 + 16]",
        "mov r9, [r10 + 24]",
        "call rax",
        "xor edx, edx",
        "jmp {back}",
        back = sym back,
    )
}

/// Where a signal handler, or [`leave`], continues: back at the innermost entry,
/// by a jump.
#[unsafe(naked)]
pub(crate) unsafe extern "sysv64" fn landing() -> ! {
    naked_asm!("mov edx, 1", "jmp {back}", back = sym back)
}

/// The second half of [`call`].
#[unsafe(naked)]
unsafe extern "sysv64" fn back() {
    naked_asm!(
        "mov rdi, gs:[{frame}]",
        "mov rsp, [rdi]",
        "cld",
        "ldmxcsr [rsp]",
        "fldcw [rsp + 4]",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
        frame = const Cpu::FRAME,
    )
}
