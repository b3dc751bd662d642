//! The contexts that drivers keep with objects, during and after the object's lifetime.

use crate::native::contracts::describe;
use crate::native::engine::address::Address;
use crate::native::engine::guarded::Guarded;
use crate::native::engine::mapping::Mapping;
use crate::{Fault, FaultKind};
use parking_lot::Mutex;
use psimp_nt::Status;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Attributes that passed the framework's checks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) on_cleanup: u64,
    pub(crate) on_destroy: u64,
    /// Address of the type, and the size of the context.
    pub(crate) context: Option<(u64, usize)>,
}

/// The context of an object, with the object's lifetime.
#[derive(Debug)]
pub(crate) struct TypedContext {
    attributes: Attributes,
    memory: Option<Arc<Guarded>>,
    /// Return address of the call that last requested it.
    caller: AtomicU64,
}

impl TypedContext {
    /// A new context, all zeros.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn new(attributes: Attributes) -> Result<Self, Status> {
        let memory = attributes.context.map(|(_, size)| Guarded::zeroed(size)).transpose()?;
        Ok(Self { attributes, memory: memory.map(Arc::new), caller: AtomicU64::new(0) })
    }

    /// `EvtCleanupCallback` and `EvtDestroyCallback`, in this order; zero for none.
    pub(crate) fn callbacks(&self) -> [u64; 2] {
        [self.attributes.on_cleanup, self.attributes.on_destroy]
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.attributes.context.map_or(0, |(_, size)| size)
    }

    /// Its address, if it is of this type, for a call from `caller`.
    pub(crate) fn get(&self, type_info: Address, caller: u64) -> Option<Address> {
        let (known, _) = self.attributes.context?;
        let memory = self.memory.as_ref().filter(|_| known == type_info.0)?;
        self.caller.store(caller, Ordering::Relaxed);
        Some(Address(memory.address()))
    }

    /// Takes the memory, for checks after the object with this handle was destroyed.
    pub(crate) fn destroyed(&self, handle: u64) -> Option<Destroyed> {
        let caller = self.caller.load(Ordering::Relaxed);
        Some(Destroyed { memory: self.memory.clone()?, what: "context", handle, caller })
    }
}

/// Memory of destroyed objects, kept for a while to detect writes to it.
#[derive(Debug, Default)]
pub(crate) struct DestroyedContexts(Mutex<VecDeque<Destroyed>>);

#[derive(Debug)]
pub(crate) struct Destroyed {
    pub(crate) memory: Arc<Guarded>,
    /// A description of its former use.
    pub(crate) what: &'static str,
    pub(crate) handle: u64,
    /// Return address of the call that last requested it.
    pub(crate) caller: u64,
}

impl DestroyedContexts {
    const KEPT: usize = 16;

    /// Takes over memory; the driver must not have written beyond its bounds.
    ///
    /// # Errors
    /// The fault of a driver that wrote beyond them, or to memory that was taken over
    /// before.
    pub(crate) fn take_away(&self, destroyed: Destroyed, mapping: &Mapping) -> Result<(), Fault> {
        if let Some(offset) = destroyed.memory.damage() {
            let Destroyed { memory, what, handle, caller } = &destroyed;
            let object = describe::address(*handle, mapping);
            let length = memory.length();
            return Err(Fault {
                kind: FaultKind::ContextOverrun,
                message: format!(
                    "the driver wrote at offset {offset} of the {length} bytes of {what} of {object}"
                ),
                site: mapping.site(*caller),
            });
        }
        destroyed.memory.take_back();
        let mut kept = self.0.lock();
        kept.push_back(destroyed);
        let oldest = if kept.len() > Self::KEPT { kept.pop_front() } else { None };
        drop(kept);
        oldest.and_then(|oldest| oldest.check(mapping)).map_or(Ok(()), Err)
    }

    /// The faults for all changed memory, which is dropped.
    pub(crate) fn sweep(&self, mapping: &Mapping) -> Vec<Fault> {
        let kept = std::mem::take(&mut *self.0.lock());
        kept.iter().filter_map(|context| context.check(mapping)).collect()
    }
}

impl Destroyed {
    fn check(&self, mapping: &Mapping) -> Option<Fault> {
        let within = self.memory.changed_since_taken_back().map(usize::cast_signed);
        let offset = within.or_else(|| self.memory.damage())?;
        let (what, object) = (self.what, describe::address(self.handle, mapping));
        Some(Fault {
            kind: FaultKind::ContextAfterDestroy,
            message: format!(
                "the driver wrote at offset {offset} of the {what} of {object} after that was gone"
            ),
            site: mapping.site(self.caller),
        })
    }
}
