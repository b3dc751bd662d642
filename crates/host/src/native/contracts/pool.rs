//! Pool blocks of the driver.

use crate::native::engine::guarded::Guarded;
use crate::native::engine::mapping::Mapping;
use crate::{Fault, FaultKind};
use parking_lot::Mutex;
use std::collections::VecDeque;

/// A block that the driver holds.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) memory: Guarded,
    pub(crate) tag: u32,
    /// Paged pool: must not be accessed at `DISPATCH_LEVEL`.
    pub(crate) paged: bool,
    /// The function that allocated it.
    pub(crate) function: &'static str,
    /// Return address of that call.
    pub(crate) caller: u64,
}

impl Block {
    /// A description of the position of an address in or next to the block.
    pub(crate) fn describe(&self, address: u64) -> Option<String> {
        let place = self.memory.describe(address)?;
        Some(format!("{place} a pool block of {} bytes", self.memory.length()))
    }

    /// A description of the changed bytes around the block.
    pub(crate) fn overrun(&self) -> Option<String> {
        let length = self.memory.length();
        let offset = self.memory.damage()?;
        Some(format!("wrote at offset {offset} of a pool block of {length} bytes"))
    }
}

/// A freed block, kept for a while to detect writes to it.
#[derive(Debug)]
struct Freed {
    memory: Guarded,
    caller: u64,
    /// Whose it was.
    owner: u64,
}

/// The blocks of one thread.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    live: Vec<Block>,
    freed: VecDeque<Freed>,
}

/// The freed blocks of threads that have ended.
static ORPHANED: Mutex<Vec<Freed>> = Mutex::new(Vec::new());

/// A freed block was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UseAfterFree {
    /// Where it was freed: the return address of that call.
    pub(crate) caller: u64,
    /// The first byte that was changed.
    pub(crate) offset: usize,
}

impl UseAfterFree {
    /// The fault for it.
    #[cold]
    pub(crate) fn fault(self, mapping: &Mapping) -> Fault {
        Fault {
            kind: FaultKind::PoolUseAfterFree,
            message: format!("byte {} of a pool block was changed after the block was freed", self.offset),
            site: mapping.site(self.caller),
        }
    }
}

/// The kind of address that is passed to be freed.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// A block, removed from the list.
    Live(Block),
    /// A block that was already freed; the return address of that call.
    Freed(u64),
    /// Not a block of this thread.
    Unknown,
}

impl Pool {
    /// The number of freed blocks that are kept.
    const KEPT: usize = 16;
    /// Blocks that a driver may have taken since a dispatch began: the pool is
    /// exhausted some time.
    const MOST: usize = 4096;

    /// Memory for a new block of a driver, not yet filled; none when there is no
    /// more.
    pub(crate) fn memory(&mut self, size: usize, owner: u64) -> Result<Option<Guarded>, UseAfterFree> {
        if self.live.len() >= Self::MOST {
            return Ok(None);
        }
        let reused = self.reuse(size, owner)?;
        let mut memory = reused.or_else(|| Guarded::new(size).ok());
        if let Some(memory) = &mut memory {
            memory.lend(size);
        }
        Ok(memory)
    }

    fn reuse(&mut self, size: usize, owner: u64) -> Result<Option<Guarded>, UseAfterFree> {
        if self.freed.len() < Self::KEPT {
            return Ok(None);
        }
        let Some(freed) = self.freed.pop_front() else { return Ok(None) };
        freed.check(owner)?;
        Ok((freed.memory.capacity() >= size).then_some(freed.memory))
    }

    /// The blocks that the driver holds.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Block> {
        self.live.iter()
    }

    /// Records a block.
    pub(crate) fn add(&mut self, block: Block) {
        self.live.push(block);
    }

    /// Removes a block from the list.
    pub(crate) fn remove(&mut self, address: u64) -> Lookup {
        let found = self.live.iter().rposition(|block| block.memory.address() == address);
        if let Some(index) = found {
            return Lookup::Live(self.live.swap_remove(index));
        }
        let freed = self.freed.iter().rev().find(|freed| freed.memory.address() == address);
        freed.map_or(Lookup::Unknown, |freed| Lookup::Freed(freed.caller))
    }

    /// Keeps the memory of a freed block.
    pub(crate) fn keep(&mut self, memory: Guarded, caller: u64, owner: u64) {
        memory.take_back();
        self.freed.push_back(Freed { memory, caller, owner });
    }

    /// Empties the list and returns the blocks that the driver holds, if any.
    pub(crate) fn settle(&mut self) -> Option<Vec<Block>> {
        (!self.live.is_empty()).then(|| std::mem::take(&mut self.live))
    }

    /// The thread ends.
    pub(crate) fn orphan(&mut self) {
        const MOST: usize = 256;
        if self.freed.is_empty() {
            return;
        }
        let mut orphaned = ORPHANED.lock();
        orphaned.extend(self.freed.drain(..));
        // Those of drivers that broke a contract are never checked.
        let surplus = orphaned.len().saturating_sub(MOST);
        orphaned.drain(..surplus);
    }

    /// Checks whether any freed block of a driver was changed, on this thread or
    /// on one that has ended, and drops them.
    pub(crate) fn sweep(&mut self, owner: u64) -> Vec<UseAfterFree> {
        let is_drivers = |freed: &mut Freed| freed.owner == owner;
        let mut freed: Vec<_> = ORPHANED.lock().extract_if(.., is_drivers).collect();
        freed.extend(self.freed.drain(..));
        freed.into_iter().filter_map(|freed| freed.check(owner).err()).collect()
    }
}

impl Freed {
    fn check(&self, owner: u64) -> Result<(), UseAfterFree> {
        match self.memory.changed_since_taken_back() {
            // Belongs to another driver, which has been unloaded.
            Some(_) if self.owner != owner => Ok(()),
            None => Ok(()),
            Some(offset) => Err(UseAfterFree { caller: self.caller, offset }),
        }
    }
}
