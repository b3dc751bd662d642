//! The resources that the driver holds between dispatches, on any thread.

use super::describe;
use super::handles::{Handle, Handles};
use super::pool::{Block, Pool};

use super::references::{NotHeld, RefSource, References};
use crate::native::engine::mapping::Mapping;
use crate::{Fault, FaultKind};
use parking_lot::Mutex;
use psimp_model::Object;
use std::cell::RefCell;

/// The ledger of one driver.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    references: Mutex<References>,
    blocks: Mutex<Vec<Block>>,
    handles: Mutex<Handles>,
}

impl Ledger {
    /// Adds what the driver still holds at the end of a dispatch.
    pub(crate) fn take_over(
        &self,
        references: &RefCell<References>,
        pool: &RefCell<Pool>,
        handles: &RefCell<Handles>,
    ) {
        if let Some(references) = references.borrow_mut().settle() {
            self.references.lock().take_over(references);
        }
        if let Some(blocks) = pool.borrow_mut().settle() {
            self.blocks.lock().extend(blocks);
        }
        if let Some(handles) = handles.borrow_mut().settle() {
            let mut ledger = self.handles.lock();
            for handle in handles {
                ledger.add(handle);
            }
        }
    }

    /// The object at an address, if it is referenced.
    pub(crate) fn object(&self, address: u64) -> Option<Object> {
        self.references.lock().object(address).cloned()
    }

    /// The object at an address, if there is a reference on it from this source.
    pub(crate) fn object_from(&self, address: u64, source: RefSource) -> Option<Object> {
        self.references.lock().object_from(address, source).cloned()
    }

    /// Whether any referenced object matches.
    pub(crate) fn find<T>(&self, wanted: impl FnMut(&Object) -> Option<T>) -> Option<T> {
        self.references.lock().objects().find_map(wanted)
    }

    /// Releases a reference.
    pub(crate) fn give_back(&self, address: u64, source: RefSource, caller: u64) -> Result<Object, NotHeld> {
        self.references.lock().give_back(address, source, caller)
    }

    /// The first pool block for which `found` returns a value.
    pub(crate) fn find_block<T>(&self, found: impl FnMut(&Block) -> Option<T>) -> Option<T> {
        self.blocks.lock().iter().find_map(found)
    }

    /// Removes a pool block from the ledger.
    pub(crate) fn remove_block(&self, address: u64) -> Option<Block> {
        let mut blocks = self.blocks.lock();
        let index = blocks.iter().position(|block| block.memory.address() == address)?;
        Some(blocks.swap_remove(index))
    }

    /// A kernel handle.
    pub(crate) fn handle(&self, value: u64) -> Option<Handle> {
        self.handles.lock().get(value).cloned()
    }

    /// Removes a handle from the ledger.
    pub(crate) fn remove_handle(&self, value: u64) -> Option<Handle> {
        self.handles.lock().remove(value)
    }

    /// The resources that would leak if the driver were unloaded now.
    pub(crate) fn leaks(&self, mapping: &Mapping) -> Vec<Fault> {
        let mut leaks = Vec::new();
        let mut add = |kind, message, caller| {
            leaks.push(Fault { kind, message, site: mapping.site(caller) });
        };
        for reference in self.references.lock().held() {
            let object = describe::address(reference.address, mapping);
            let message = format!(
                "the reference that {} gave on {object} was not given back to {}",
                reference.function,
                reference.source.released_by()
            );
            add(FaultKind::ReferenceLeak, message, reference.caller);
        }
        for block in self.blocks.lock().iter() {
            if let Some(message) = block.overrun() {
                add(FaultKind::PoolOverrun, format!("the driver {message}"), block.caller);
            }
            let message = format!(
                "{} bytes of pool that {} gave were not freed",
                block.memory.length(),
                block.function
            );
            add(FaultKind::PoolLeak, message, block.caller);
        }
        for handle in self.handles.lock().iter() {
            let message =
                format!("the handle 0x{:X} that {} gave was not closed", handle.value, handle.function);
            add(FaultKind::HandleLeak, message, handle.caller);
        }
        leaks
    }
}
