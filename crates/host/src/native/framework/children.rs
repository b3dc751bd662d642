//! Objects below other objects, with which they are deleted.

use crate::native::contracts::object_address::Kind;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An object that has a parent.
pub(crate) trait Child {
    /// What its handles stand for.
    const KIND: Kind;

    /// Its handle.
    fn handle(&self) -> u64;

    /// The handle of its parent.
    fn parent(&self) -> u64;
}

/// The objects of one type that one driver made.
#[derive(Debug)]
pub(crate) struct Children<T>(Mutex<BTreeMap<u64, Arc<T>>>);

impl<T> Default for Children<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Child> Children<T> {
    /// Adds a new object.
    pub(crate) fn add(&self, child: Arc<T>) {
        self.0.lock().insert(child.handle(), child);
    }

    /// Forgets an object; returns whether it was there.
    pub(crate) fn remove(&self, child: &T) -> bool {
        self.0.lock().remove(&child.handle()).is_some()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        self.0.lock().values().cloned().collect()
    }

    /// Those below an object.
    pub(crate) fn of(&self, parent: u64) -> Vec<Arc<T>> {
        self.0.lock().values().filter(|child| child.parent() == parent).cloned().collect()
    }

    /// The object behind a handle.
    pub(crate) fn get(&self, handle: u64) -> Option<Arc<T>> {
        self.0.lock().get(&handle).cloned()
    }
}
