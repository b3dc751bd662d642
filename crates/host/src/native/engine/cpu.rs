//! What the host keeps for each operating-system thread that enters the driver.
//!
//! In kernel mode the GS base points to the processor's control region; here it points to a
//! [`Cpu`]. The thunk of every export stores its return address and its stack pointer there, for
//! which it needs no register of the driver's.
#![allow(unsafe_code)] // the GS base, and the path from it to the block

use super::export::Export;
use super::frame::{CallFrame, Frame};
use super::mapping::Mapping;
use super::stack::Stack;
use super::stop::Stop;
use super::targets::Targets;
use super::trap::{SignalStack, Trap};
use super::watchdog::Watch;
use std::arch::asm;
use std::cell::Cell;
use std::mem::offset_of;
use std::ptr;

/// One thread's block. It is reused by a later thread, never freed.
#[repr(C)]
pub(crate) struct Cpu {
    /// Where kernel code expects the processor's control region: addresses without memory.
    control_region: [u64; 64],
    /// Return address of the call of an export in progress.
    caller: Cell<u64>,
    /// Stack pointer at that call: it points to the return address.
    call_rsp: Cell<u64>,
    /// The innermost entry into the driver; null outside of it.
    frame: Cell<*mut Frame>,
    /// This block.
    this: Cell<*const Self>,
    /// The export in progress; none while the driver's own code runs.
    pub(crate) export: Cell<Option<&'static Export>>,
    /// The image of the driver that is being called; null outside of [`Cpu::with_dispatch`].
    mapping: Cell<*const Mapping>,
    /// The table of what that driver may call through a pointer; null without one.
    targets: Cell<*const u64>,
    /// The value passed to [`Cpu::with_dispatch`]; null outside of it.
    dispatch: Cell<*const ()>,
    /// The fault that ends the innermost entry.
    pub(crate) fault: Cell<Option<Stop>>,
    /// The trap that ends the innermost entry.
    pub(crate) trap: Cell<Option<Trap>>,
    /// What the watchdog sees of the thread.
    pub(super) watch: Watch,
    /// The driver's stack.
    pub(crate) stack: Stack,
    pub(super) signal_stack: SignalStack,
}

impl Cpu {
    pub(crate) const CALLER: usize = offset_of!(Self, caller);
    pub(crate) const CALL_RSP: usize = offset_of!(Self, call_rsp);
    pub(crate) const FRAME: usize = offset_of!(Self, frame);
    pub(crate) const TARGETS: usize = offset_of!(Self, targets);
    const THIS: usize = offset_of!(Self, this);
    /// In the kernel's half of the address space, and not the address of any object.
    const NO_MEMORY: u64 = 0xFFFF_F800_0000_0000;

    pub(super) fn new() -> &'static Self {
        let cpu: &'static Self = Box::leak(Box::new(Self {
            control_region: [Self::NO_MEMORY; 64],
            caller: Cell::default(),
            call_rsp: Cell::default(),
            frame: Cell::new(ptr::null_mut()),
            this: Cell::new(ptr::null()),
            export: Cell::default(),
            mapping: Cell::new(ptr::null()),
            targets: Cell::new(ptr::null()),
            dispatch: Cell::new(ptr::null()),
            fault: Cell::default(),
            trap: Cell::default(),
            watch: Watch::default(),
            stack: Stack::new(),
            signal_stack: SignalStack::new(),
        }));
        cpu.this.set(cpu);
        cpu
    }

    /// Fills the area of the driver's frames with this byte, unless the driver runs.
    pub(crate) fn fill_stack(&self, stale: u8) {
        if self.frame().is_null() {
            // SAFETY: without a frame the thread is not in the driver.
            unsafe { self.stack.fill(stale) };
        }
    }

    /// The block of the calling thread, if it has one. Callable from a signal handler.
    pub(crate) fn current() -> Option<&'static Self> {
        // SAFETY: null, or a block that is never freed.
        unsafe { CURRENT.get().as_ref() }
    }

    /// Makes a block the calling thread's, or detaches the thread from its block.
    pub(super) fn set_current(cpu: Option<&'static Self>) {
        CURRENT.set(cpu.map_or(ptr::null(), ptr::from_ref));
    }

    /// The block of the calling thread, read without thread-local storage.
    ///
    /// # Safety
    /// The thread is attached, as it always is in code that the driver called.
    pub(crate) unsafe fn from_gs() -> &'static Self {
        let this: *const Self;
        // SAFETY: the caller promises that GS points to a block.
        unsafe {
            asm!("mov {}, gs:[{}]", out(reg) this, const Self::THIS, options(nostack, readonly, preserves_flags));
        }
        // SAFETY: every block holds its own address and is never freed.
        unsafe { &*this }
    }

    /// Records a call of the driver: returns whether it is allowed. If not, the driver has made too
    /// many calls.
    pub(crate) fn progress(&self) -> bool {
        self.watch.progress()
    }

    /// Return address of the export call in progress.
    pub(crate) fn caller(&self) -> u64 {
        self.caller.get()
    }

    /// The export call in progress: return address and stack pointer.
    pub(crate) fn call(&self) -> CallFrame {
        CallFrame { caller: self.caller.get(), rsp: self.call_rsp.get() }
    }

    pub(super) fn set_call(&self, call: CallFrame) {
        self.caller.set(call.caller);
        self.call_rsp.set(call.rsp);
    }

    pub(super) fn frame(&self) -> *mut Frame {
        self.frame.get()
    }

    pub(super) fn set_frame(&self, frame: *mut Frame) {
        self.frame.set(frame);
    }

    /// Runs `body`, which calls the driver of this image, and ends it after `limit` milliseconds
    /// (zero: never). [`Cpu::dispatch`] returns `dispatch` meanwhile. Returns none, and runs
    /// nothing, when the thread is in a driver already.
    pub(crate) fn with_dispatch<D, R>(
        &self,
        mapping: &Mapping,
        limit: u32,
        dispatch: &D,
        body: impl FnOnce() -> R,
    ) -> Option<R> {
        struct Reset<'a>(&'a Cpu);
        impl Drop for Reset<'_> {
            fn drop(&mut self) {
                self.0.watch.leave();
                self.0.dispatch.set(ptr::null());
                self.0.targets.set(ptr::null());
                self.0.mapping.set(ptr::null());
            }
        }
        if !self.dispatch.get().is_null() {
            return None;
        }
        self.mapping.set(mapping);
        self.targets.set(mapping.targets().map_or(ptr::null(), Targets::start));
        self.dispatch.set(ptr::from_ref(dispatch).cast());
        self.watch.enter(limit);
        let _reset = Reset(self);
        Some(body())
    }

    /// The value passed to [`Cpu::with_dispatch`].
    ///
    /// # Safety
    /// The driver, or an export for it, is running, so that `with_dispatch` is on the stack below;
    /// `D` is the type that it was given; and the result is not used after this call into the host.
    pub(crate) unsafe fn dispatch<'a, D>(&self) -> &'a D {
        // SAFETY: set by `with_dispatch` from a reference that lives until it returns; the type is
        // the caller's promise.
        unsafe { &*self.dispatch.get().cast::<D>() }
    }

    /// The image of the driver that is being called, if one is. Callable from a signal handler.
    pub(super) fn mapping(&self) -> Option<&Mapping> {
        // SAFETY: null, or set by `with_dispatch` from a reference that lives until it returns,
        // which the caller, who is above it on this thread's stack, does first.
        unsafe { self.mapping.get().as_ref() }
    }
}

thread_local! {
    static CURRENT: Cell<*const Cpu> = const { Cell::new(ptr::null()) };
}
