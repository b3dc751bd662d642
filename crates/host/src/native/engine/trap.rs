//! What the processor reported, and the stack on which signal handlers run.
#![allow(unsafe_code)] // sigaltstack

use super::export::Export;
use libc::c_int;
use std::mem::MaybeUninit;
use std::ptr;

/// A fault of the processor in the driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trap {
    pub(crate) signal: c_int,
    /// `si_code`.
    pub(crate) code: c_int,
    /// The address that could not be accessed, if the processor reported one.
    pub(crate) address: u64,
    pub(crate) rip: u64,
    pub(crate) rsp: u64,
    pub(crate) rcx: u64,
    /// Return address of the driver's last call into the host.
    pub(crate) last_call: u64,
    /// The export in whose code it happened; none for the driver's own code.
    pub(crate) export: Option<&'static Export>,
}

/// A stack for the signal handler.
#[derive(Debug)]
pub(crate) struct SignalStack(Box<[MaybeUninit<u8>]>);

impl SignalStack {
    /// Enough for the widest registers that a processor saves, and the handler.
    const SIZE: usize = 64 << 10;

    pub(crate) fn new() -> Self {
        Self(Box::new_uninit_slice(Self::SIZE))
    }

    /// Sets it as the calling thread's signal stack.
    pub(crate) fn use_for_signals(&'static self) {
        let stack =
            libc::stack_t { ss_sp: self.0.as_ptr().cast_mut().cast(), ss_flags: 0, ss_size: self.0.len() };
        // SAFETY: the memory is the value's, which is never freed; only handlers on this thread
        // write it.
        unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
    }

    /// Removes the calling thread's signal stack.
    pub(crate) fn disable() {
        let stack = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        // SAFETY: no memory is handed over.
        unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
    }
}
