//! What the driver holds between dispatches, whichever thread it took it on.

use super::handles::{Handle, Handles};
use super::pool::Block;
use super::references::{NotHeld, References, Taken};
use crate::native::engine::cpu::Cpu;
use crate::native::running::machine::Machine;
use crate::{Fault, FaultKind};
use parking_lot::Mutex;
use psimp_model::Object;

/// The account of one driver.
#[derive(Debug, Default)]
pub(crate) struct Held {
    references: Mutex<References>,
    blocks: Mutex<Vec<Block>>,
    handles: Mutex<Handles>,
}

impl Held {
    /// Takes over what the driver still holds at the end of a dispatch.
    pub(crate) fn take_over(&self, cpu: &Cpu) {
        if let Some(references) = cpu.references.borrow_mut().settle() {
            self.references.lock().take_over(references);
        }
        if let Some(blocks) = cpu.pool.borrow_mut().settle() {
            self.blocks.lock().extend(blocks);
        }
        if let Some(handles) = cpu.handles.borrow_mut().settle() {
            let mut held = self.handles.lock();
            for handle in handles {
                held.add(handle);
            }
        }
    }

    /// Forgets what a dispatch took that did not end well.
    pub(crate) fn drop_all(cpu: &Cpu) {
        // Dropped after the borrow: the last reference on an object may go.
        let references = cpu.references.borrow_mut().settle();
        let blocks = cpu.pool.borrow_mut().settle();
        let handles = cpu.handles.borrow_mut().settle();
        let locks = cpu.locks.take();
        drop((references, blocks, handles, locks));
    }

    /// The object at an address, if it is referenced.
    pub(crate) fn object(&self, address: u64) -> Option<Object> {
        self.references.lock().object(address).cloned()
    }

    /// The object at an address, if it is referenced this way.
    pub(crate) fn taken(&self, address: u64, taken: Taken) -> Option<Object> {
        self.references.lock().taken(address, taken).cloned()
    }

    /// Whether any object that is referenced is the one asked for.
    pub(crate) fn find<T>(&self, wanted: impl FnMut(&Object) -> Option<T>) -> Option<T> {
        self.references.lock().objects().find_map(wanted)
    }

    /// Gives a reference back.
    pub(crate) fn give_back(&self, address: u64, taken: Taken, caller: u64) -> Result<Object, NotHeld> {
        self.references.lock().give_back(address, taken, caller)
    }

    /// The first pool block of which `found` knows something.
    pub(crate) fn find_block<T>(&self, found: impl FnMut(&Block) -> Option<T>) -> Option<T> {
        self.blocks.lock().iter().find_map(found)
    }

    /// Takes a pool block out of the account.
    pub(crate) fn remove_block(&self, address: u64) -> Option<Block> {
        let mut blocks = self.blocks.lock();
        let index = blocks.iter().position(|block| block.memory.address() == address)?;
        Some(blocks.swap_remove(index))
    }

    /// A handle of the kernel.
    pub(crate) fn handle(&self, value: u64) -> Option<Handle> {
        self.handles.lock().get(value).cloned()
    }

    /// Takes a handle out of the account.
    pub(crate) fn remove_handle(&self, value: u64) -> Option<Handle> {
        self.handles.lock().remove(value)
    }

    /// What would leak if the driver were gone now, in words.
    pub(crate) fn leaks(&self, machine: &Machine) -> Vec<Fault> {
        let mut leaks = Vec::new();
        let mut add = |kind, message, caller| {
            leaks.push(Fault { kind, message, site: machine.mapping.site(caller) });
        };
        for reference in self.references.lock().held() {
            let object = super::describe::address(reference.address, machine);
            let message = format!(
                "the reference that {} gave on {object} was not given back to {}",
                reference.function,
                reference.taken.given_back_by()
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
