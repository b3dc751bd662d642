//! Into the driver, and out of it: by return, or from any depth when it broke a
//! contract.
//!
//! [`enter`] saves what the host's calling convention preserves in a [`Frame`] on
//! its stack and calls the driver on another: one that ends before memory of the
//! host begins. [`leave`], and the signal handler through
//! [`landing`], go back to the innermost frame; the driver's frames in between
//! are dropped without a word, as the kernel would by stopping. Frames of the
//! host are never in between: an export has finished its own work by then.
#![allow(unsafe_code)] // a calling convention of another system, and a jump over its frames

use super::cpu::Cpu;
use super::frame::Frame;
use super::mapping::Code;
use super::stop::Stop;
use super::trap::Trap;
use std::arch::naked_asm;

/// What came back: `rax`, and whether by a jump.
#[repr(C)]
struct Exit {
    value: u64,
    jumped: u64,
}

/// The most arguments that a function of a driver takes here.
pub(crate) const MOST_ARGUMENTS: usize = 8;

/// What ended an entry before the function returned.
#[derive(Debug)]
pub(crate) enum Ended {
    /// An export found a contract broken.
    Fault(Stop),
    /// The processor, or the watchdog, stopped the driver.
    Trap(Trap),
    /// Neither is known: the host is wrong.
    Unknown,
}

/// Calls a function of the driver.
///
/// # Errors
/// What ended it before it returned.
pub(crate) fn enter(cpu: &Cpu, target: Code<'_>, arguments: [u64; MOST_ARGUMENTS]) -> Result<u64, Ended> {
    let (outer, call_before) = (cpu.frame(), cpu.call());
    let mut frame = Frame { rsp: 0, outer, call: call_before };
    let export = cpu.export.get();
    // A call from within a call goes on where the driver's stack is.
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

/// Ends the innermost entry with the fault that is noted in the block.
///
/// # Safety
/// The thread is in the driver, and no frame of the host above the innermost
/// entry has anything left to do.
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
        // Room for the four arguments in registers, which the callee owns, and
        // above it the other four.
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
