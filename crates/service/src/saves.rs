//! A thread's slot, and the saved slots of a file object.

use core::sync::atomic::{AtomicU64, Ordering};
use psimp_nt::Status;
use psimp_protocol::{MAX_SAVES, SaveId};

/// The next save's number, for all file objects: each number is used once
/// between load and unload, so an old id never refers to another save, and an
/// id of another file object is invalid here.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A slot that is in use. The values are the slot's, not the token's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<T> {
    /// The token, referenced.
    pub token: T,
    /// An open of the token gets a copy.
    pub copy_on_open: bool,
    /// Disabled groups and privileges cannot be enabled.
    pub effective_only: bool,
    /// The level at which the thread impersonates, as the kernel stores it.
    pub level: u32,
}

/// The saves of a file object: at most [`MAX_SAVES`] slots, each with a
/// reference on its token. A saved empty slot is kept too, as `None`.
pub struct SaveTable<T> {
    entries: [Option<Entry<T>>; MAX_SAVES],
}

/// A save and its id.
pub(crate) struct Entry<T> {
    id: SaveId,
    slot: Option<Slot<T>>,
}

impl<T> Default for SaveTable<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> SaveTable<T> {
    /// An empty table.
    pub const fn new() -> Self {
        Self { entries: [const { None }; MAX_SAVES] }
    }

    /// Keeps a slot under a new id.
    ///
    /// # Errors
    /// The slot itself when the table is full, so that its reference can be
    /// dropped outside the lock.
    pub(crate) fn insert(&mut self, slot: Option<Slot<T>>) -> Result<SaveId, Option<Slot<T>>> {
        match self.entries.iter_mut().find(|entry| entry.is_none()) {
            None => Err(slot),
            Some(free) => {
                let id = SaveId(NEXT.fetch_add(1, Ordering::Relaxed));
                *free = Some(Entry { id, slot });
                Ok(id)
            }
        }
    }

    /// All saves.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry<T>> {
        self.entries.iter().flatten()
    }

    /// The slot saved under an id, with its own reference.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub(crate) fn get(&self, id: SaveId) -> Result<Option<Slot<T>>, Status>
    where
        T: Clone,
    {
        let entry = self.entries().find(|entry| entry.id == id);
        entry.map(|entry| entry.slot.clone()).ok_or(Status::NOT_FOUND)
    }

    /// Removes a save and returns it with its reference.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub(crate) fn remove(&mut self, id: SaveId) -> Result<Option<Slot<T>>, Status> {
        let entry = self.entries.iter_mut().find(|e| e.as_ref().is_some_and(|entry| entry.id == id));
        entry.and_then(Option::take).map(|entry| entry.slot).ok_or(Status::NOT_FOUND)
    }
}
