//! Faults of the processor while a thread is in the driver.
//!
//! The handler changes where the interrupted code continues: behind the probe
//! instruction that faulted, or back at the host's entry. It runs on its own
//! stack, because the driver's stack may be the cause. A signal that the driver
//! did not cause goes to the previous handler.
#![allow(unsafe_code)] // signal handlers

use super::cpu::Cpu;
use super::trap::Trap;
use super::{enter, probe, watchdog};
use libc::{c_int, c_void, siginfo_t, ucontext_t};
use std::mem;
use std::ptr;
use std::sync::{Once, OnceLock};

/// `SIGABRT` is how a panic of the host ends when panics do not unwind.
const SIGNALS: &[c_int] = &[
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGABRT,
    watchdog::SIGNAL,
];

/// Places of registers in the interrupted context.
const RIP: usize = libc::REG_RIP as usize;
const RSP: usize = libc::REG_RSP as usize;
const RCX: usize = libc::REG_RCX as usize;
const FLAGS: usize = libc::REG_EFL as usize;

static BEFORE: OnceLock<Vec<libc::sigaction>> = OnceLock::new();

/// Sets the handler for the whole process, once.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = SIGNALS.iter().map(|&signal| current(signal)).collect();
        let _ = BEFORE.set(before);
        for &signal in SIGNALS {
            let mut action = empty();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            set(signal, &action);
        }
    });
}

fn empty() -> libc::sigaction {
    // SAFETY: all zeros is the default action with an empty mask.
    unsafe { mem::zeroed() }
}

fn current(signal: c_int) -> libc::sigaction {
    let mut action = empty();
    // SAFETY: only queries; the pointer is to a local.
    unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    action
}

fn set(signal: c_int, action: &libc::sigaction) {
    // SAFETY: the handler in it is a function of the right type, or one that was
    // set before.
    unsafe { libc::sigaction(signal, action, ptr::null_mut()) };
}

/// The handler's decision about the interrupted code.
enum Answer {
    /// It continues here.
    Continue(u64),
    /// The signal is not for the host.
    PassOn,
}

extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes the interrupted context, which is ours to change.
    let registers = unsafe { &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs };
    // SAFETY: the kernel passes it, filled in for this signal.
    let known = unsafe { &*info };
    match answer(signal, known, registers) {
        Answer::Continue(rip) => {
            const DIRECTION_AND_TRAP: i64 = 0x500;
            registers[RIP] = rip.cast_signed();
            registers[FLAGS] &= !DIRECTION_AND_TRAP;
        }
        Answer::PassOn => pass_on(signal, info, context),
    }
}

fn answer(signal: c_int, info: &siginfo_t, registers: &[i64]) -> Answer {
    let register = |index: usize| registers.get(index).map_or(0, |value| value.cast_unsigned());
    let rip = register(RIP);
    let Some(cpu) = Cpu::current() else { return Answer::PassOn };
    let (outside, export) = (cpu.frame().is_null(), cpu.export.get());
    if signal == watchdog::SIGNAL {
        // The host's own code continues: the driver's runs again later.
        let in_code = cpu.mapping().is_some_and(|mapping| mapping.is_code(rip));
        if outside || !in_code {
            return Answer::PassOn;
        }
    } else if let Some(end) = probe::resume(rip) {
        return Answer::Continue(end);
    } else if outside || (signal == libc::SIGABRT && export.is_none()) {
        return Answer::PassOn;
    }
    // SAFETY: the field is present for the processor's signals, and it is not
    // read for others.
    let address = unsafe { info.si_addr() } as u64;
    let (rsp, rcx) = (register(RSP), register(RCX));
    let last_call = cpu.caller();
    cpu.trap.set(Some(Trap { signal, code: info.si_code, address, rip, rsp, rcx, last_call, export }));
    Answer::Continue(enter::landing as *const () as u64)
}

fn pass_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let index = SIGNALS.iter().position(|&known| known == signal);
    let before = BEFORE.get().zip(index).and_then(|(before, index)| before.get(index));
    let Some(before) = before else { return };
    match before.sa_sigaction {
        // The default action is to ignore the signal.
        libc::SIG_DFL | libc::SIG_IGN if signal == watchdog::SIGNAL => {}
        // The instruction is retried without this handler.
        libc::SIG_DFL | libc::SIG_IGN => set(signal, before),
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: the flag guarantees that the handler is of this type.
            let handler = unsafe {
                mem::transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(handler)
            };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: without the flag the handler is of this type.
            let handler = unsafe { mem::transmute::<usize, extern "C" fn(c_int)>(handler) };
            handler(signal);
        }
    }
}
