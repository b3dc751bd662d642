//! Processor faults and hangs: invalid code, and endless code.

use crate::call::Call;
use crate::defect::defects;
use core::arch::asm;
use core::hint::black_box;
use core::mem::{MaybeUninit, transmute};
use wdk_sys::ntddk::{ExGetPreviousMode, IoGetCurrentProcess, KeBugCheckEx};

/// A return instruction in data.
static DATA: [u8; 16] = [0xC3; 16];

defects! {
    /// A loop without end.
    fn loop_without_end [Control] (_call) {
        while black_box(true) {}
    }

    /// Calls without end.
    fn calls_without_end [Control] (_call) {
        while black_box(true) {
            // SAFETY: callable at any IRQL.
            black_box(unsafe { IoGetCurrentProcess() });
        }
    }

    /// A function with endless recursion.
    fn recursion_without_end [Control] (_call) {
        fn deeper(depth: u64) -> u64 {
            let frame = black_box([depth; 64]);
            if black_box(true) { deeper(depth + 1) + frame[0] } else { frame[1] }
        }
        // Breaks the size of the stack.
        black_box(deeper(0));
    }

    /// A loop writes past a local without limit.
    fn stack_overrun_without_end [Control] (_call) {
        let mut local = [0_u8; 16];
        let local = black_box((&raw mut local).cast::<u8>());
        for offset in 0..black_box(1 << 20) {
            // SAFETY: none; this breaks the bounds of the local.
            unsafe { local.wrapping_add(offset).write_volatile(0x41) };
        }
    }

    /// The return address is overwritten.
    fn return_address_overwritten [Control] (_call) {
        smash();
    }

    /// Null is called.
    fn null_called [Control] (_call) {
        call_address(0);
    }

    /// An unmapped address is called.
    fn nowhere_called [Control] (_call) {
        call_address(0x1234_5678);
    }

    /// A constant is called.
    fn data_called [Control] (_call) {
        call_address((&raw const DATA) as usize);
    }

    /// Data on the stack is called.
    fn stack_called [Control] (_call) {
        let local = black_box([0xC3_u8; 16]);
        call_address((&raw const local) as usize);
    }

    /// A function is called one instruction after its start.
    fn middle_called [Control] (_call) {
        let address = (smash as fn() as usize) + 1;
        // SAFETY: none; this breaks the rule that functions are called at their start.
        let function = unsafe { transmute::<usize, extern "C" fn()>(black_box(address)) };
        function();
    }

    /// A constant is called, and the call is guarded.
    fn data_called_guarded [Control] (_call) {
        let address = (&raw const DATA) as usize;
        // SAFETY: none; this breaks the rule that functions are code.
        let function = unsafe { transmute::<usize, extern "C" fn()>(black_box(address)) };
        function();
    }

    /// A constant is checked for a call, after a function was.
    fn data_checked [Control] (_call) {
        let function = smash as fn() as usize;
        // Callers rely on the register.
        if check(function) == function {
            check((&raw const DATA) as usize);
        }
    }

    /// A function is called that was discarded after `DriverEntry` returned.
    fn initialisation_called [Control] (_call) {
        black_box(initialise as fn() -> u32)();
    }

    /// A kernel function that the host does not model.
    fn export_not_modelled [Control] (_call) {
        // SAFETY: none needed; the host has no such function.
        black_box(unsafe { ExGetPreviousMode() });
    }

    /// An unchecked division by zero.
    fn division_by_zero [Control] (_call) {
        // SAFETY: none; this breaks the rule of the instruction.
        unsafe { asm!("div {0:e}", in(reg) 0, inout("eax") 1 => _, inout("edx") 0 => _) };
    }

    /// A fast-fail.
    fn fast_fail [Control] (_call) {
        // SAFETY: none; this stops the system.
        unsafe { asm!("int 0x29", in("ecx") 2) };
    }

    /// A bug check.
    fn bug_check [Control] (_call) {
        // SAFETY: none; this stops the system.
        unsafe { KeBugCheckEx(0xE2, 1, 2, 3, 4) };
    }

    /// A panic.
    fn panic [Control] (_call) {
        let empty: [u8; 0] = [];
        // Breaks the rule that no panic can be reached.
        black_box(empty[black_box(0)]);
    }

    /// A breakpoint.
    fn breakpoint [Control] (_call) {
        // SAFETY: none; no debugger is attached.
        unsafe { asm!("int3") };
    }

    /// An undefined instruction.
    fn undefined_instruction [Control] (_call) {
        // SAFETY: none; this breaks the rule that code is executable.
        unsafe { asm!("ud2") };
    }

    /// Interrupts are disabled, which only the kernel may do.
    fn interrupts_disabled [Control] (_call) {
        // SAFETY: none; this breaks what the host can do for a driver.
        unsafe { asm!("cli") };
    }

    /// The IRQL is raised without the kernel's routine.
    fn level_raised_by_register [Control] (_call) {
        // SAFETY: none; this breaks what the host can do for a driver.
        unsafe { asm!("mov cr8, {}", in(reg) 2_u64) };
    }

    /// An I/O port is read.
    fn port_read [Control] (_call) {
        // SAFETY: none; this breaks what the host can do for a driver.
        unsafe { asm!("in al, dx", in("dx") 0x60_u16, out("al") _) };
    }

    /// A value with insufficient alignment is loaded.
    fn misaligned_load [Control] (_call) {
        let bytes = black_box([MaybeUninit::<u128>::zeroed(); 2]);
        let odd = black_box((&raw const bytes).cast::<u8>().wrapping_add(1));
        // SAFETY: none; this breaks the rule of the instruction.
        unsafe { asm!("movaps {}, [{}]", out(xmm_reg) _, in(reg) odd) };
    }
}

/// Calls an address.
#[inline(always)]
fn call_address(address: usize) {
    // SAFETY: none; this breaks the rule that functions are code, and that of guarding calls.
    unsafe { asm!("call {}", in(reg) address, clobber_abi("win64")) };
}

/// Checks an address as compilers do that guard a call without the routine that jumps; returns what the routine
/// left in the register.
#[inline(always)]
fn check(address: usize) -> usize {
    unsafe extern "C" {
        static __guard_check_icall_fptr: usize;
    }
    let after;
    // SAFETY: none; this breaks the rule that functions are code.
    unsafe {
        asm!(
            "call qword ptr [rip + {check}]",
            check = sym __guard_check_icall_fptr,
            inout("rcx") address => after,
            clobber_abi("win64"),
        );
    }
    after
}

/// Overwrites memory from a local up to the return address.
#[inline(never)]
fn smash() {
    let mut local = [0_u64; 4];
    let local = black_box((&raw mut local).cast::<u64>());
    for offset in 0..black_box(24) {
        // SAFETY: none; this breaks the bounds of the local.
        unsafe { local.wrapping_add(offset).write_volatile(0x4141_4141) };
    }
}

#[unsafe(link_section = "INIT")]
#[inline(never)]
fn initialise() -> u32 {
    black_box(1)
}

/// The type of every defect.
const _: fn(&Call) = loop_without_end;
