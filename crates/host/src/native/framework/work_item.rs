//! Work items: the enqueued and the running ones.

use super::children::Child;
use super::typed_context::TypedContext;
use crate::native::contracts::describe;
use crate::native::contracts::object_address::Kind;
use crate::native::engine::mapping::Mapping;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

/// `WDFWORKITEM`.
#[derive(Debug)]
pub(crate) struct WorkItem {
    pub(crate) handle: u64,
    /// Handle of its parent object.
    pub(crate) parent: u64,
    /// `EvtWorkItemFunc`.
    pub(crate) callback: u64,
    pub(crate) context: TypedContext,
    pub(crate) state: Mutex<State>,
    pub(crate) ended: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Id of the thread that enqueued it, until it starts.
    pub(crate) enqueued_by: Option<u32>,
    /// The number of worker threads that run it.
    pub(crate) running: usize,
    /// Whether it is being deleted.
    pub(crate) deleted: bool,
}

impl Child for WorkItem {
    const KIND: Kind = Kind::WorkItem;

    fn handle(&self) -> u64 {
        self.handle
    }

    fn parent(&self) -> u64 {
        self.parent
    }
}

impl WorkItem {
    /// An idle one.
    pub(crate) fn new(handle: u64, parent: u64, callback: u64, context: TypedContext) -> Arc<Self> {
        Arc::new(Self { handle, parent, callback, context, state: Mutex::default(), ended: Condvar::new() })
    }

    /// A description of the work item.
    pub(crate) fn name(&self, mapping: &Mapping) -> String {
        describe::address(self.handle, mapping)
    }
}
