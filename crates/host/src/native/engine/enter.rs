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
use super::stop::{Outcome, Stop};
use crate::Fault;
use crate::native::contracts::describe;
use crate::native::kmdf;
use crate::native::running::machine::Machine;
use std::arch::naked_asm;

/// A call of an export, as its thunk saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallFrame {
    /// Return address.
    pub(crate) caller: u64,
    /// Stack pointer; it leads to the return address.
    pub(crate) rsp: u64,
}

/// An entry into the driver.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Frame {
    /// Stack pointer with the saved registers above it.
    rsp: u64,
    /// The entry before, when this one was made by an export; null otherwise.
    outer: *mut Self,
    /// The call of that export.
    call: CallFrame,
}

impl Frame {
    /// Where the driver's frames of this entry end, if another one is below.
    pub(super) fn end(&self) -> u64 {
        self.rsp
    }

    /// The entry before, and the call in it that led to this one.
    pub(super) fn outer(&self) -> (*mut Self, CallFrame) {
        (self.outer, self.call)
    }
}

/// What came back: `rax`, and whether by a jump.
#[repr(C)]
struct Exit {
    value: u64,
    jumped: u64,
}

/// The most arguments that a function of a driver takes here.
pub(crate) const MOST_ARGUMENTS: usize = 8;

/// Calls the driver's function at `target`. What the framework puts into the driver object for unload counts as the driver's.
///
/// # Errors
/// The fault that ended it before it returned.
pub(crate) fn enter(
    cpu: &Cpu,
    machine: &Machine,
    target: u64,
    arguments: [u64; MOST_ARGUMENTS],
) -> Outcome<u64> {
    if !machine.mapping.is_code(target) && target != kmdf::unload_address() {
        return Err(Stop::from(Fault {
            kind: crate::FaultKind::BadArgument,
            message: format!("the driver gave 0x{target:X} as a function, where it has no code"),
            site: None,
        }));
    }
    let (outer, call_before) = (cpu.frame(), cpu.call());
    let mut frame = Frame { rsp: 0, outer, call: call_before };
    let export = cpu.export.get();
    // A call from within a call goes on where the driver's stack is.
    let stack = if outer.is_null() { cpu.stack.top() } else { 0 };
    cpu.set_frame(&raw mut frame);
    cpu.export.set(None);
    // SAFETY: the target is code of the image, or a thunk, and takes integers; the frame outlives the call; GS leads to `cpu`, because the
    // thread is attached to it; the stack is the thread's, and not in use.
    let exit = unsafe { call(&raw mut frame, target, arguments.as_ptr(), stack) };
    // Before the block forgets what was going on.
    let result = if exit.jumped == 0 { Ok(exit.value) } else { Err(describe::taken(cpu, machine)) };
    cpu.set_frame(outer);
    cpu.export.set(export);
    cpu.set_call(call_before);
    result
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
