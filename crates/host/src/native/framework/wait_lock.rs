//! Wait locks and their owners.

use super::children::Child;
use super::typed_context::TypedContext;
use crate::native::contracts::describe;
use crate::native::contracts::object_address::Kind;
use crate::native::engine::mapping::Mapping;
use crate::{Fault, FaultKind};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

/// `WDFWAITLOCK`.
#[derive(Debug)]
pub(crate) struct WaitLock {
    handle: u64,
    /// Handle of its parent object.
    parent: u64,
    context: TypedContext,
    pub(crate) owner: Mutex<Option<Owner>>,
    pub(crate) released: Condvar,
}

/// The owner of a lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    /// Identifies the operating-system thread.
    pub(crate) cpu: usize,
    /// Id of the model's thread, for messages.
    pub(crate) thread: u32,
    /// Return address of the call that acquired it.
    pub(crate) caller: u64,
}

impl Child for WaitLock {
    const KIND: Kind = Kind::WaitLock;

    fn handle(&self) -> u64 {
        self.handle
    }

    fn parent(&self) -> u64 {
        self.parent
    }
}

impl WaitLock {
    /// A free lock.
    pub(crate) fn new(handle: u64, parent: u64, context: TypedContext) -> Arc<Self> {
        Arc::new(Self { handle, parent, context, owner: Mutex::default(), released: Condvar::new() })
    }

    pub(crate) fn context(&self) -> &TypedContext {
        &self.context
    }

    /// A description of the lock.
    pub(crate) fn name(&self, mapping: &Mapping) -> String {
        describe::address(self.handle, mapping)
    }

    /// The fault of a driver that deletes the lock while it is held.
    pub(crate) fn deleted_while_held(&self, mapping: &Mapping) -> Option<Fault> {
        let owner = (*self.owner.lock())?;
        let message = format!("{} was deleted while {}", self.name(mapping), owner.holds());
        Some(held(message, owner.caller, mapping))
    }

    /// The fault of a driver that returns while it holds the lock.
    #[cold]
    pub(crate) fn still_held(&self, mapping: &Mapping) -> Fault {
        let caller = self.owner.lock().map_or(0, |owner| owner.caller);
        held(format!("the driver returned while it held {}", self.name(mapping)), caller, mapping)
    }
}

impl Owner {
    pub(crate) fn holds(&self) -> String {
        format!("thread {} holds it", self.thread)
    }
}

#[cold]
fn held(message: String, caller: u64, mapping: &Mapping) -> Fault {
    Fault { kind: FaultKind::LockHeld, message, site: mapping.site(caller) }
}
