//! Processes and threads; the thread's slot.

use crate::{HandleTable, Token};
use parking_lot::{Mutex, RwLock};
use psimp_rules::TokenFacts;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A process: a primary token and a handle table.
#[derive(Debug)]
pub struct Process {
    id: u32,
    primary: RwLock<Arc<Token>>,
    handles: HandleTable,
}

impl Process {
    pub(crate) fn new(id: u32, primary: Arc<Token>) -> Arc<Self> {
        Arc::new(Self { id, primary: RwLock::new(primary), handles: HandleTable::default() })
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// `PsReferencePrimaryToken`: the primary token, referenced.
    pub fn primary(&self) -> Arc<Token> {
        self.primary.read().clone()
    }

    pub(crate) fn primary_facts(&self) -> TokenFacts {
        self.primary.read().facts()
    }

    /// Replaces the primary token, as `NtSetInformationProcess` does before a
    /// process runs.
    pub fn set_primary(&self, token: Arc<Token>) {
        let _old = std::mem::replace(&mut *self.primary.write(), token);
    }

    /// Its handles.
    pub fn handles(&self) -> &HandleTable {
        &self.handles
    }
}

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

/// What `PsDisableImpersonation` moved out of a slot.
#[derive(Debug, Default)]
pub struct ImpersonationState(pub(crate) Option<SlotState>);

/// A thread.
#[derive(Debug)]
pub struct Thread {
    id: u32,
    process: Arc<Process>,
    attached: Mutex<Option<Arc<Process>>>,
    is_attached: AtomicBool,
    terminating: AtomicBool,
    slot: Mutex<Option<SlotState>>,
    /// `Teb.IsImpersonating`.
    teb_impersonating: AtomicBool,
}

impl Thread {
    pub(crate) fn new(id: u32, process: Arc<Process>) -> Arc<Self> {
        Arc::new(Self {
            id,
            process,
            attached: Mutex::default(),
            is_attached: AtomicBool::new(false),
            terminating: AtomicBool::new(false),
            slot: Mutex::default(),
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

    /// The process whose address space and handles the thread uses now.
    pub fn current_process(&self) -> Arc<Process> {
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

    /// Marks the thread as exiting; its slot stays until the object goes.
    pub fn terminate(&self) {
        self.terminating.store(true, Ordering::Release);
    }

    /// `PsIsThreadTerminating`.
    pub fn is_terminating(&self) -> bool {
        self.terminating.load(Ordering::Acquire)
    }

    /// `PsReferenceImpersonationToken`: a copy of the slot with a reference of
    /// its own, or nothing.
    pub fn slot(&self) -> Option<SlotState> {
        self.slot.lock().clone()
    }

    /// Whether the thread impersonates.
    pub fn is_impersonating(&self) -> bool {
        self.slot.lock().is_some()
    }

    /// `Teb.IsImpersonating`, as user mode would read it.
    pub fn teb_is_impersonating(&self) -> bool {
        self.teb_impersonating.load(Ordering::Acquire)
    }

    /// Replaces the slot; the old token's reference is dropped after the lock.
    pub(crate) fn set_slot(&self, slot: Option<SlotState>) {
        self.teb_impersonating.store(slot.is_some(), Ordering::Release);
        let old = std::mem::replace(&mut *self.slot.lock(), slot);
        drop(old);
    }

    /// Replaces the slot's token by `copy` if it still is `token`, armed for
    /// copy-on-open; says whether it was.
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

    /// `PsDisableImpersonation`: moves the slot out; the TEB is not told.
    pub fn disable_impersonation(&self) -> ImpersonationState {
        ImpersonationState(self.slot.lock().take())
    }

    /// `PsRestoreImpersonation`: moves a state back, whatever the slot holds by
    /// now. No decision, no failure.
    pub fn restore_impersonation(&self, state: ImpersonationState) {
        if state.0.is_none() {
            self.teb_impersonating.store(false, Ordering::Release);
        }
        let old = std::mem::replace(&mut *self.slot.lock(), state.0);
        drop(old);
    }
}
