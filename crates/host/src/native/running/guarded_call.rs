//! Control-flow guard: the routines that a driver's calls through pointers go through, as the kernel's that they stand
//! for.
#![allow(unsafe_code)] // routines that are called in no calling convention

use super::call;
use crate::FaultKind;
use crate::native::engine::cpu::Cpu;
use crate::native::engine::export::{self, Export};
use crate::native::engine::stop::Stop;
use crate::native::engine::targets::{FACTOR, SHIFT, SLOTS};
use std::arch::naked_asm;

/// Defines a routine that looks the address in a register up, and goes on with an instruction if it is there.
/// Callers rely on every register but r10, r11 and the flags.
macro_rules! guard {
    ($(#[$doc:meta])* $name:ident: $target:literal, $go_on:literal) => {
        $(#[$doc])*
        #[unsafe(naked)]
        pub(crate) unsafe extern "win64" fn $name() {
            naked_asm!(
                concat!("movabs r10, {factor}"),
                concat!("imul r10, ", $target),
                "shr r10, {shift}",
                "mov r11, gs:[{targets}]",
                "2:",
                "cmp qword ptr [r11 + r10 * 8], 0",
                "je 4f",
                concat!("cmp qword ptr [r11 + r10 * 8], ", $target),
                "je 3f",
                "inc r10d",
                "and r10d, {last}",
                "jmp 2b",
                "3:",
                $go_on,
                "4:",
                "mov r11, [rsp]",
                "mov gs:[{caller}], r11",
                "mov gs:[{rsp}], rsp",
                concat!("mov rcx, ", $target),
                "jmp {refuse}",
                factor = const FACTOR,
                shift = const SHIFT,
                last = const SLOTS - 1,
                targets = const Cpu::TARGETS,
                caller = const Cpu::CALLER,
                rsp = const Cpu::CALL_RSP,
                refuse = sym refuse,
            )
        }
    };
}

guard! {
    /// What the driver calls with its target in `rax`: jumps there.
    dispatch: "rax", "jmp rax"
}

guard! {
    /// What the driver calls with a target in `rcx`, to call it then: returns.
    check: "rcx", "ret"
}

static GUARD: Export = Export {
    name: "a call through a pointer",
    highest_irql: export::ANY,
    failure: export::NEVER,
    file: file!(),
    thunk: dispatch,
};

extern "win64" fn refuse(target: u64) -> u64 {
    let cannot_fail = || false;
    call::run(&GUARD, cannot_fail, |cx| {
        let target = cx.describe(target);
        Err::<(), Stop>(cx.fault(
            FaultKind::CallTarget,
            format_args!("went to {target}, which is no function that may be called so"),
        ))
    })
}
