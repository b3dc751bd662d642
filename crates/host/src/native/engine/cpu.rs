//! What the host keeps for each operating-system thread that enters the driver.
//!
//! In kernel mode the GS base leads to the processor's control region; here it
//! leads to a [`Cpu`]. The thunk of every export puts its return address and its
//! stack pointer there, for which it needs no register of the driver's.
#![allow(unsafe_code)] // the GS base, and the way from it to the block

use super::enter::{CallFrame, Frame};
use super::export::Export;
use super::guarded::Guarded;
use super::signals::{self, Trap};
use super::stack::Stack;
use super::stop::Stop;
use super::watchdog::{self, Watch};
use crate::native::contracts::handles::Handles;
use crate::native::contracts::pool::Pool;
use crate::native::contracts::references::References;
use crate::native::framework::quarantine::Resting;
use crate::native::framework::security_context::SecurityContext;
use crate::native::kmdf::WaitLock;
use crate::native::running::dispatch::Dispatch;
use parking_lot::Mutex;
use std::arch::asm;
use std::cell::{Cell, RefCell};
use std::mem::offset_of;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One thread's block. It is reused by a later thread, never freed.
#[repr(C)]
pub(crate) struct Cpu {
    /// Where kernel code expects the processor's control region: addresses that
    /// lead nowhere.
    control_region: [u64; 64],
    /// Return address of the call into an export that is being made.
    caller: Cell<u64>,
    /// Stack pointer at that call: it leads to the return address.
    call_rsp: Cell<u64>,
    /// The innermost entry into the driver; null outside of it.
    frame: Cell<*mut Frame>,
    /// This block.
    this: Cell<*const Self>,
    /// The export that runs; none while the driver's own code does.
    pub(crate) export: Cell<Option<&'static Export>>,
    dispatch: Cell<*const Dispatch<'static>>,
    /// The fault that ends the innermost entry.
    pub(crate) fault: Cell<Option<Stop>>,
    /// The signal that ends the innermost entry.
    pub(crate) trap: Cell<Option<Trap>>,
    /// What the driver references since the dispatch began.
    pub(crate) references: RefCell<References>,
    /// The pool blocks it allocated since, and blocks to use again.
    pub(crate) pool: RefCell<Pool>,
    /// The handles of the kernel that it opened since.
    pub(crate) handles: RefCell<Handles>,
    /// The locks of the framework that it holds.
    pub(crate) locks: RefCell<Vec<Arc<WaitLock>>>,
    /// A system buffer to use again.
    pub(crate) buffer: Cell<Option<Guarded>>,
    /// The system buffer of the last request, which nobody may use any more.
    pub(crate) resting: RefCell<Option<Resting>>,
    /// The security context of the last create request, which nobody may read.
    pub(crate) security: RefCell<Option<SecurityContext>>,
    /// Memory of a reply to use again.
    pub(crate) reply: Cell<Vec<u8>>,
    serials: Cell<(u64, u64)>,
    watch: Watch,
    /// The driver's stack.
    pub(crate) stack: Stack,
    signal_stack: signals::Stack,
}

impl Cpu {
    pub(crate) const CALLER: usize = offset_of!(Self, caller);
    pub(crate) const CALL_RSP: usize = offset_of!(Self, call_rsp);
    pub(crate) const FRAME: usize = offset_of!(Self, frame);
    const THIS: usize = offset_of!(Self, this);
    /// Of no kind that [`crate::native::contracts::object_address`] knows.
    const NOWHERE: u64 = 0xFFFF_F800_0000_0000;

    fn new() -> &'static Self {
        let cpu: &'static Self = Box::leak(Box::new(Self {
            control_region: [Self::NOWHERE; 64],
            caller: Cell::default(),
            call_rsp: Cell::default(),
            frame: Cell::new(ptr::null_mut()),
            this: Cell::new(ptr::null()),
            export: Cell::default(),
            dispatch: Cell::new(ptr::null()),
            fault: Cell::default(),
            trap: Cell::default(),
            references: RefCell::default(),
            pool: RefCell::default(),
            handles: RefCell::default(),
            locks: RefCell::default(),
            buffer: Cell::default(),
            resting: RefCell::default(),
            security: RefCell::default(),
            reply: Cell::default(),
            serials: Cell::default(),
            watch: Watch::default(),
            stack: Stack::new(),
            signal_stack: signals::Stack::new(),
        }));
        cpu.this.set(cpu);
        cpu
    }

    /// The block of the calling thread, made or taken over at its first call.
    pub(crate) fn attach() -> &'static Self {
        match Self::current() {
            Some(cpu) => cpu,
            None => Self::attach_first(),
        }
    }

    #[cold]
    fn attach_first() -> &'static Self {
        signals::install();
        let idle = IDLE.lock().pop().map(|Idle(cpu)| cpu);
        let cpu = idle.unwrap_or_else(Self::new);
        set_gs(cpu);
        cpu.signal_stack.use_for_signals();
        CURRENT.set(cpu);
        watchdog::add(cpu);
        DETACH.with(|_| ());
        cpu
    }

    /// Leaves this byte where the driver's frames will be, unless it runs.
    pub(crate) fn soil_stack(&self, stale: u8) {
        if self.frame().is_null() {
            // SAFETY: without a frame the thread is not in the driver.
            unsafe { self.stack.soil(stale) };
        }
    }

    /// Gives the block up for good: the host failed in the middle of something.
    #[cold]
    pub(crate) fn abandon(&'static self) {
        watchdog::remove(self);
        CURRENT.set(ptr::null());
    }

    /// The block of the calling thread, if it has one. Callable from a signal
    /// handler.
    pub(crate) fn current() -> Option<&'static Self> {
        // SAFETY: null, or a block that is never freed.
        unsafe { CURRENT.get().as_ref() }
    }

    /// The block of the calling thread, the short way.
    ///
    /// # Safety
    /// The thread is attached: code reached from the driver always is.
    pub(crate) unsafe fn from_gs() -> &'static Self {
        let this: *const Self;
        // SAFETY: the caller promises that GS leads to a block.
        unsafe {
            asm!("mov {}, gs:[{}]", out(reg) this, const Self::THIS, options(nostack, readonly, preserves_flags));
        }
        // SAFETY: every block holds its own address and is never freed.
        unsafe { &*this }
    }

    /// What the watchdog sees of the thread.
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Return address of the export call in progress.
    pub(crate) fn caller(&self) -> u64 {
        self.caller.get()
    }

    /// The export call in progress: return address and stack pointer.
    pub(crate) fn call(&self) -> CallFrame {
        CallFrame { caller: self.caller.get(), rsp: self.call_rsp.get() }
    }

    pub(crate) fn set_call(&self, call: CallFrame) {
        self.caller.set(call.caller);
        self.call_rsp.set(call.rsp);
    }

    pub(crate) fn frame(&self) -> *mut Frame {
        self.frame.get()
    }

    pub(crate) fn set_frame(&self, frame: *mut Frame) {
        self.frame.set(frame);
    }

    /// Runs `body` with `dispatch` as what the thread is doing; does not when it
    /// is in the driver already.
    pub(crate) fn with_dispatch<R>(&self, dispatch: &Dispatch<'_>, body: impl FnOnce() -> R) -> Option<R> {
        struct Reset<'a>(&'a Cpu);
        impl Drop for Reset<'_> {
            fn drop(&mut self) {
                self.0.watch.leave();
                self.0.dispatch.set(ptr::null());
            }
        }
        if !self.dispatch.get().is_null() {
            return None;
        }
        self.dispatch.set(ptr::from_ref(dispatch).cast());
        self.watch.enter(dispatch.machine.limit);
        let _reset = Reset(self);
        Some(body())
    }

    /// What the thread is doing.
    ///
    /// # Safety
    /// The driver, or an export for it, is running: then `with_dispatch` is on
    /// the stack below, and the result must not outlive this call into the host.
    pub(crate) unsafe fn dispatch<'a>(&self) -> &'a Dispatch<'a> {
        // SAFETY: set by `with_dispatch`, whose reference lives until it returns.
        unsafe { &*self.dispatch.get().cast::<Dispatch<'a>>() }
    }

    /// A number that no object of the process has had.
    pub(crate) fn serial(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        const BATCH: u64 = 1 << 16;
        let (mut next, mut end) = self.serials.get();
        if next == end {
            next = NEXT.fetch_add(BATCH, Ordering::Relaxed);
            end = next + BATCH;
        }
        self.serials.set((next + 1, end));
        next
    }
}

thread_local! {
    static CURRENT: Cell<*const Cpu> = const { Cell::new(ptr::null()) };
    static DETACH: Detach = const { Detach };
}

static IDLE: Mutex<Vec<Idle>> = Mutex::new(Vec::new());

/// A block without a thread.
struct Idle(&'static Cpu);

// SAFETY: the thread that had it is gone, the next one has it alone.
unsafe impl Send for Idle {}

/// Gives the thread's block back when the thread ends.
struct Detach;

impl Drop for Detach {
    fn drop(&mut self) {
        if let Some(cpu) = Cpu::current() {
            CURRENT.set(ptr::null());
            watchdog::remove(cpu);
            cpu.pool.borrow_mut().orphan();
            signals::Stack::disable();
            IDLE.lock().push(Idle(cpu));
        }
    }
}

fn set_gs(cpu: &'static Cpu) {
    const ARCH_SET_GS: libc::c_int = 0x1001;
    // SAFETY: nothing else in a 64-bit Linux process uses the GS base, and the
    // block is never freed.
    let result = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SET_GS, ptr::from_ref(cpu)) };
    assert_eq!(result, 0, "the GS base cannot be set");
}
