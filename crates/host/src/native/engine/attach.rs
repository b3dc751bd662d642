//! Gives each operating-system thread that calls a driver its block, and takes it back.
#![allow(unsafe_code)] // the GS base

use super::cpu::Cpu;
use super::trap::SignalStack;
use super::{signals, watchdog};
use parking_lot::Mutex;
use std::ptr;

/// The block of the calling thread, allocated or reused at its first call.
pub(crate) fn attach() -> &'static Cpu {
    Cpu::current().unwrap_or_else(attach_first)
}

#[cold]
fn attach_first() -> &'static Cpu {
    signals::install();
    let idle = IDLE.lock().pop().map(|Idle(cpu)| cpu);
    let cpu = idle.unwrap_or_else(Cpu::new);
    set_gs(cpu);
    cpu.signal_stack.use_for_signals();
    Cpu::set_current(Some(cpu));
    watchdog::add(&cpu.watch);
    DETACH.with(|_| ());
    cpu
}

/// Gives up the calling thread's block for good: the host failed while it was in use.
#[cold]
pub(crate) fn abandon(cpu: &'static Cpu) {
    watchdog::remove(&cpu.watch);
    Cpu::set_current(None);
}

static IDLE: Mutex<Vec<Idle>> = Mutex::new(Vec::new());

/// A block that no thread owns.
struct Idle(&'static Cpu);

// SAFETY: the previous owner thread has ended or runs its destructors, and uses no reference
// to the block any more; only the next thread can reach it.
unsafe impl Send for Idle {}

thread_local! {
    static DETACH: Detach = const { Detach };
}

/// Releases the thread's block when the thread ends.
struct Detach;

impl Drop for Detach {
    fn drop(&mut self) {
        if let Some(cpu) = Cpu::current() {
            abandon(cpu);
            SignalStack::disable();
            IDLE.lock().push(Idle(cpu));
        }
    }
}

fn set_gs(cpu: &'static Cpu) {
    const ARCH_SET_GS: libc::c_int = 0x1001;
    // SAFETY: nothing else in a 64-bit Linux process uses the GS base, and the block is never
    // freed.
    let result = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SET_GS, ptr::from_ref(cpu)) };
    assert_eq!(result, 0, "the GS base cannot be set");
}
