//! Child objects, which are deleted with their parent.

use crate::native::contracts::object_address::Kind;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An object that has a parent.
pub(crate) trait Child {
    /// The type that its handles refer to.
    const KIND: Kind;

    /// Its handle.
    fn handle(&self) -> u64;

    /// The handle of its parent.
    fn parent(&self) -> u64;
}

/// The objects of one type that one driver created.
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

    /// Removes an object; returns whether it was in the list.
    pub(crate) fn remove(&self, child: &T) -> bool {
        self.0.lock().remove(&child.handle()).is_some()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        self.0.lock().values().cloned().collect()
    }

    /// The children of an object.
    pub(crate) fn of(&self, parent: u64) -> Vec<Arc<T>> {
        self.0.lock().values().filter(|child| child.parent() == parent).cloned().collect()
    }

    /// The object of a handle.
    pub(crate) fn get(&self, handle: u64) -> Option<Arc<T>> {
        self.0.lock().get(&handle).cloned()
    }
}
