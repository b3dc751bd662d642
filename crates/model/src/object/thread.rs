//! Threads, and the slot in which a thread keeps its impersonation.

use super::Process;
use crate::Token;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a thread impersonates, and how.
#[derive(Clone, Debug)]
pub struct SlotState {
    /// The token; the slot owns this reference.
    pub token: Arc<Token>,
    /// An open of the token gets a copy.
    pub copy_on_open: bool,
    /// Disabled groups and privileges cannot be enabled.
    pub effective_only: bool,
    /// The slot's level, which may differ from the token's own.
    pub level: u32,
}

/// The slot contents that `PsDisableImpersonation` moved out: it owns the
/// reference, and no operation on the thread can reach it. It can be restored
/// only once; the state of a real kernel can be restored twice, which corrupts a
/// count.
#[derive(Debug, Default)]
#[must_use = "the impersonation is lost unless it is restored"]
pub struct ImpersonationState(Option<SlotState>);

impl ImpersonationState {
    /// Whether there was an impersonation to move (the routine's return value).
    pub fn was_impersonating(&self) -> bool {
        self.0.is_some()
    }

    /// The slot that was moved out, for those who keep states in another form.
    pub fn into_slot(self) -> Option<SlotState> {
        self.0
    }
}

impl From<SlotState> for ImpersonationState {
    /// The state that such a slot was moved into.
    fn from(slot: SlotState) -> Self {
        Self(Some(slot))
    }
}

/// A thread.
#[derive(Debug)]
pub struct Thread {
    id: u32,
    process: Arc<Process>,
    attached: Mutex<Option<Arc<Process>>>,
    is_attached: AtomicBool,
    terminating: AtomicBool,
    /// The cross-thread flag: readers check it before they take the lock.
    active: AtomicBool,
    slot: Mutex<Option<SlotState>>,
    /// Whether the block that holds the slot has been allocated.
    has_block: AtomicBool,
    has_teb: bool,
    /// `Teb.IsImpersonating`.
    teb_impersonating: AtomicBool,
}

impl Thread {
    pub(crate) fn new(id: u32, process: Arc<Process>, has_teb: bool) -> Arc<Self> {
        Arc::new(Self {
            id,
            process,
            attached: Mutex::default(),
            is_attached: AtomicBool::new(false),
            terminating: AtomicBool::new(false),
            active: AtomicBool::new(false),
            slot: Mutex::default(),
            has_block: AtomicBool::new(false),
            has_teb,
            teb_impersonating: AtomicBool::new(false),
        })
    }

    /// Thread id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The process that owns the thread.
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// The process whose address space and handles the thread currently uses.
    pub fn current_process(&self) -> Arc<Process> {
        if !self.is_attached.load(Ordering::Acquire) {
            return self.process.clone();
        }
        self.attached.lock().clone().unwrap_or_else(|| self.process.clone())
    }

    pub(crate) fn with_current_process<R>(&self, with: impl FnOnce(&Process) -> R) -> R {
        if self.is_attached.load(Ordering::Acquire) {
            with(&self.current_process())
        } else {
            with(&self.process)
        }
    }

    /// `KeStackAttachProcess`, and with `None` `KeUnstackDetachProcess`.
    pub fn attach(&self, process: Option<Arc<Process>>) {
        self.is_attached.store(process.is_some(), Ordering::Release);
        *self.attached.lock() = process;
    }

    /// Marks the thread as exiting; its slot stays until the last reference to
    /// the object is released.
    pub fn terminate(&self) {
        self.terminating.store(true, Ordering::Release);
    }

    /// `PsIsThreadTerminating`.
    pub fn is_terminating(&self) -> bool {
        self.terminating.load(Ordering::Acquire)
    }

    /// `PsReferenceImpersonationToken`: a copy of the slot with its own
    /// reference, or `None`.
    pub fn slot(&self) -> Option<SlotState> {
        if self.is_impersonating() { self.slot.lock().clone() } else { None }
    }

    /// `PsIsThreadImpersonating`.
    pub fn is_impersonating(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// `Teb.IsImpersonating`, as user mode reads it.
    pub fn teb_is_impersonating(&self) -> bool {
        self.teb_impersonating.load(Ordering::Acquire)
    }

    /// Replaces the slot; the old token's reference is dropped after the lock.
    /// Clearing an empty slot changes nothing, including the TEB.
    pub(crate) fn set_slot(&self, state: Option<SlotState>) {
        if state.is_none() && !self.is_impersonating() {
            return;
        }
        let old = {
            let mut slot = self.slot.lock();
            if state.is_some() || slot.is_some() {
                self.tell_teb(state.is_some());
            }
            self.active.store(state.is_some(), Ordering::Release);
            std::mem::replace(&mut *slot, state)
        };
        drop(old);
    }

    /// Replaces the slot's token by `copy` if it still is `token`, armed for
    /// copy-on-open; returns whether it did.
    pub(crate) fn swap_copy(&self, token: &Arc<Token>, copy: Arc<Token>) -> bool {
        let mut slot = self.slot.lock();
        match slot.as_mut().filter(|s| s.copy_on_open && Arc::ptr_eq(&s.token, token)) {
            Some(state) => {
                let old = std::mem::replace(&mut state.token, copy);
                state.copy_on_open = false;
                drop(slot);
                drop(old);
                true
            }
            None => false,
        }
    }

    /// `PsDisableImpersonation`: moves the slot out; the TEB is not updated.
    pub fn disable_impersonation(&self) -> ImpersonationState {
        if !self.is_impersonating() {
            return ImpersonationState(None);
        }
        let mut slot = self.slot.lock();
        self.active.store(false, Ordering::Release);
        ImpersonationState(slot.take())
    }

    /// `PsRestoreImpersonation`: moves a state back and overwrites the slot. No
    /// decision, no job test, no failure. A state without a token ends the
    /// impersonation, and only then is the TEB updated.
    pub fn restore_impersonation(&self, state: ImpersonationState) {
        let ImpersonationState(Some(state)) = state else {
            self.set_slot(None);
            return;
        };
        let old = {
            let mut slot = self.slot.lock();
            self.active.store(true, Ordering::Release);
            slot.replace(state)
        };
        drop(old);
    }

    /// Whether the caller has to allocate the block.
    pub(crate) fn needs_block(&self) -> bool {
        !self.has_block.load(Ordering::Acquire)
    }

    /// Records the block. Of two callers that both allocated one, the second
    /// finds it recorded and frees its own.
    pub(crate) fn set_block(&self) {
        self.has_block.store(true, Ordering::Release);
    }

    fn tell_teb(&self, impersonating: bool) {
        if self.has_teb {
            self.teb_impersonating.store(impersonating, Ordering::Release);
        }
    }
}
