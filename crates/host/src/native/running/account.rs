//! Per-thread data of the host: the resources that the driver took on the thread since the dispatch
//! began, and memory to reuse.

use crate::native::contracts::handles::Handles;
use crate::native::contracts::pool::Pool;
use crate::native::contracts::references::References;
use crate::native::engine::attach;
use crate::native::engine::cpu::Cpu;
use crate::native::engine::guarded::Guarded;
use crate::native::framework::create_memory::CreateMemory;
use crate::native::framework::quarantine::Quarantine;
use crate::native::framework::wait_lock::WaitLock;
use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One thread's account.
pub(crate) struct Account {
    /// The thread's block.
    pub(crate) cpu: &'static Cpu,
    /// What the driver references since the dispatch began.
    pub(crate) references: RefCell<References>,
    /// The pool blocks that it allocated since, and blocks to reuse.
    pub(crate) pool: RefCell<Pool>,
    /// The kernel handles that it opened since.
    pub(crate) handles: RefCell<Handles>,
    /// The framework locks that it holds.
    pub(crate) locks: RefCell<Vec<Arc<WaitLock>>>,
    /// The critical regions that it entered itself: the return addresses of the calls.
    pub(crate) regions: RefCell<Vec<u64>>,
    /// A system buffer to reuse.
    pub(crate) buffer: Cell<Option<Guarded>>,
    /// The system buffer of the last request, which must not be used any more.
    pub(crate) quarantine: RefCell<Option<Quarantine>>,
    /// The memory of the last create request, which must not be read.
    pub(crate) create: RefCell<Option<CreateMemory>>,
    /// Memory of a reply to reuse.
    pub(crate) reply: Cell<Vec<u8>>,
    serials: Cell<(u64, u64)>,
}

thread_local! {
    static ACCOUNT: RefCell<Option<Rc<Account>>> = const { RefCell::new(None) };
}

impl Account {
    /// The calling thread's account, created at its first call.
    pub(crate) fn attach() -> Rc<Self> {
        ACCOUNT.with_borrow_mut(|account| account.get_or_insert_with(Self::new).clone())
    }

    #[cold]
    fn new() -> Rc<Self> {
        Rc::new(Self {
            cpu: attach::attach(),
            references: RefCell::default(),
            pool: RefCell::default(),
            handles: RefCell::default(),
            locks: RefCell::default(),
            regions: RefCell::default(),
            buffer: Cell::default(),
            quarantine: RefCell::default(),
            create: RefCell::default(),
            reply: Cell::default(),
            serials: Cell::default(),
        })
    }

    /// Gives up the calling thread's account for good: the host failed while it was in use.
    #[cold]
    pub(crate) fn abandon(&self) {
        mem::forget(ACCOUNT.take());
        attach::abandon(self.cpu);
    }

    /// Drops the resources taken in a dispatch that ended with a fault.
    pub(crate) fn drop_all(&self) {
        // Dropped after the borrow: the last reference may free an object.
        let references = self.references.borrow_mut().settle();
        let blocks = self.pool.borrow_mut().settle();
        let handles = self.handles.borrow_mut().settle();
        let locks = self.locks.take();
        self.regions.take();
        drop((references, blocks, handles, locks));
    }

    /// A number that is unique in the process.
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

impl Drop for Account {
    /// The thread ends.
    fn drop(&mut self) {
        self.pool.get_mut().orphan();
    }
}
