//! Code for functions that are not modelled: a few instructions each, which lead to a fault that
//! names the function.
#![allow(unsafe_code)] // a thunk of its own

use super::call;
use crate::native::engine::cpu::Cpu;
use crate::native::engine::export::{self, Export};
use crate::native::engine::stop::Stop;
use crate::native::framework::slots::slot_name;
use crate::{Fault, FaultKind};
use std::arch::naked_asm;

/// The size of a stub in bytes.
pub(crate) const STUB: usize = 32;
/// Marks stubs of the framework's functions.
pub(crate) const FRAMEWORK: usize = 0x8000_0000;

/// The instructions of a stub: `mov eax, index; mov r10, trap; jmp r10`
pub(crate) fn stub(index: usize) -> [u8; STUB] {
    let mut code = [0xCC; STUB];
    let target = trap as *const () as u64;
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let [i0, i1, i2, i3] = index.to_le_bytes();
    let [k0, k1, k2, k3, k4, k5, k6, k7] = target.to_le_bytes();
    let instructions = [0xB8, i0, i1, i2, i3, 0x49, 0xBA, k0, k1, k2, k3, k4, k5, k6, k7, 0x41, 0xFF, 0xE2];
    for (to, from) in code.iter_mut().zip(instructions) {
        *to = from;
    }
    code
}

#[unsafe(naked)]
unsafe extern "win64" fn trap() {
    naked_asm!(
        "mov r11, [rsp]",
        "mov gs:[{caller}], r11",
        "mov gs:[{rsp}], rsp",
        "mov ecx, eax",
        "jmp {refuse}",
        caller = const Cpu::CALLER,
        rsp = const Cpu::CALL_RSP,
        refuse = sym refuse,
    )
}

static TRAP: Export = Export {
    name: "a function that is not modelled",
    highest_irql: export::ANY,
    failure: export::NEVER,
    file: file!(),
    thunk: trap,
};

extern "win64" fn refuse(index: u32) -> u64 {
    let cannot_fail = || false;
    call::run(&TRAP, cannot_fail, |cx| {
        let index = index as usize;
        let name = if index & FRAMEWORK == 0 {
            cx.machine().not_modelled.get(index).cloned().unwrap_or_default()
        } else {
            let slot = index & !FRAMEWORK;
            format!("{} (slot {slot} of KMDF 1.15)", slot_name(slot))
        };
        let message = format!("{name} was called, which is not modelled");
        Err::<(), _>(Stop::from(Fault { kind: FaultKind::NotModelled, message, site: cx.site() }))
    })
}
