//! `WDF_OBJECT_ATTRIBUTES` and the contexts that they ask for.

use crate::native::contracts::describe;
use crate::native::contracts::status::{
    WDF_EXECUTION_LEVEL_INVALID, WDF_OBJECT_ATTRIBUTES_INVALID, WDF_PARENT_ASSIGNMENT_NOT_ALLOWED,
    WDF_SYNCHRONIZATION_SCOPE_INVALID,
};
use crate::native::engine::cpu::Cpu;
use crate::native::engine::guarded::Guarded;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::running::context::Context;
use crate::native::running::dispatch::Dispatch;
use crate::native::running::machine::Machine;
use crate::native::running::memory::Address;
use crate::{Fault, FaultKind};
use parking_lot::Mutex;
use psimp_nt::Status;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zerocopy::{FromBytes, IntoBytes};

#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct ObjectAttributes {
    size: u32,
    padding: u32,
    on_cleanup: u64,
    on_destroy: u64,
    execution_level: u32,
    synchronization_scope: u32,
    parent: u64,
    context_size_override: u64,
    context_type: u64,
}

#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct ContextType {
    size: u32,
    padding: u32,
    name: u64,
    context_size: u64,
    unique_type: u64,
    get_unique_type: u64,
}

/// The size that the structure had in version 1.0.
const CONTEXT_TYPE_1_0: u32 = 24;
/// More than a driver keeps with an object.
const MAX_CONTEXT: usize = 1 << 20;

/// Attributes that passed the framework's checks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attributes {
    on_cleanup: u64,
    on_destroy: u64,
    /// Address of the type, and the size of the context.
    context: Option<(u64, usize)>,
}

/// What attributes may say of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// The framework chooses the parent.
    Fixed,
    /// The driver chooses the parent, but neither level nor scope.
    Child,
}

impl Context<'_> {
    /// Reads attributes and checks them as the framework does for an object
    /// whose parent the driver does not choose.
    pub(crate) fn attributes(&self, at: Address) -> Outcome<Result<Attributes, Status>> {
        Ok(self.check_attributes(at, Rules::Fixed)?.map(|(attributes, _)| attributes))
    }

    /// As [`Context::attributes`], for an object with a parent that the driver
    /// may choose; its handle, or null, comes along.
    pub(crate) fn child_attributes(&self, at: Address) -> Outcome<Result<(Attributes, Address), Status>> {
        self.check_attributes(at, Rules::Child)
    }

    fn check_attributes(&self, at: Address, rules: Rules) -> Outcome<Result<(Attributes, Address), Status>> {
        const INHERIT: u32 = 1;
        const NO_SCOPE: u32 = 4;
        const LEVELS: std::ops::RangeInclusive<u32> = 1..=3;
        const SCOPES: std::ops::RangeInclusive<u32> = 1..=4;
        let Some(at) = at.non_null() else { return Ok(Ok((Attributes::default(), Address::NULL))) };
        let given: ObjectAttributes = self.read(at, "WDF_OBJECT_ATTRIBUTES")?;
        if given.size as usize != size_of::<ObjectAttributes>() {
            return Ok(Err(Status::INFO_LENGTH_MISMATCH));
        }
        let mut size = 0;
        if given.context_type != 0 {
            let known: ContextType =
                self.read(Address(given.context_type), "WDF_OBJECT_CONTEXT_TYPE_INFO")?;
            if known.size as usize != size_of::<ContextType>() && known.size != CONTEXT_TYPE_1_0 {
                return Ok(Err(Status::INFO_LENGTH_MISMATCH));
            }
            if known.context_size > 0 && known.name == 0 {
                return Ok(Err(WDF_OBJECT_ATTRIBUTES_INVALID));
            }
            size = known.context_size;
        }
        if given.context_size_override > 0 {
            if given.context_type == 0 || given.context_size_override < size {
                return Ok(Err(WDF_OBJECT_ATTRIBUTES_INVALID));
            }
            size = given.context_size_override;
        }
        if rules == Rules::Fixed && given.parent != 0 {
            return Ok(Err(WDF_PARENT_ASSIGNMENT_NOT_ALLOWED));
        }
        if !LEVELS.contains(&given.execution_level) || !SCOPES.contains(&given.synchronization_scope) {
            return Ok(Err(WDF_OBJECT_ATTRIBUTES_INVALID));
        }
        if rules == Rules::Child {
            if ![INHERIT, NO_SCOPE].contains(&given.synchronization_scope) {
                return Ok(Err(WDF_SYNCHRONIZATION_SCOPE_INVALID));
            }
            if given.execution_level != INHERIT {
                return Ok(Err(WDF_EXECUTION_LEVEL_INVALID));
            }
        }
        let Some(size) = usize::try_from(size).ok().filter(|&size| size <= MAX_CONTEXT) else {
            return self.not_modelled(format_args!("asks for a context of {size} bytes"));
        };
        let context = (given.context_type != 0).then_some((given.context_type, size));
        let attributes = Attributes { on_cleanup: given.on_cleanup, on_destroy: given.on_destroy, context };
        Ok(Ok((attributes, Address(given.parent))))
    }
}

/// The context of an object, which lives as long as it does.
#[derive(Debug)]
pub(crate) struct TypedContext {
    attributes: Attributes,
    memory: Option<Arc<Guarded>>,
    /// Return address of the call that asked for it last.
    caller: AtomicU64,
}

impl TypedContext {
    /// A context as asked for, all zeros.
    pub(crate) fn new(attributes: Attributes) -> Self {
        let memory = attributes.context.map(|(_, size)| Arc::new(Guarded::zeroed(size)));
        Self { attributes, memory, caller: AtomicU64::new(0) }
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.attributes.context.map_or(0, |(_, size)| size)
    }

    /// Its address, when it is of this type, for a call from `caller`.
    pub(crate) fn get(&self, type_info: Address, caller: u64) -> Option<Address> {
        let (known, _) = self.attributes.context?;
        let memory = self.memory.as_ref().filter(|_| known == type_info.0)?;
        self.caller.store(caller, Ordering::Relaxed);
        Some(Address(memory.address()))
    }

    /// Tells the driver that its object goes, and takes the context away.
    pub(crate) fn destroy(&self, dispatch: &Dispatch<'_>, cpu: &Cpu, handle: u64) -> Outcome<()> {
        for callback in [self.attributes.on_cleanup, self.attributes.on_destroy] {
            if callback != 0 {
                dispatch.call(cpu, callback, [handle, 0, 0, 0])?;
            }
        }
        let Some(memory) = &self.memory else { return Ok(()) };
        let caller = self.caller.load(Ordering::Relaxed);
        let destroyed = Destroyed { memory: memory.clone(), what: "context", handle, caller };
        destroyed.take_away(dispatch.machine)
    }
}

/// Memory of objects that are gone, kept for a while to see whether anyone writes
/// to it.
#[derive(Debug, Default)]
pub(crate) struct DestroyedContexts(Mutex<VecDeque<Destroyed>>);

#[derive(Debug)]
pub(crate) struct Destroyed {
    pub(crate) memory: Arc<Guarded>,
    /// What it was of the object.
    pub(crate) what: &'static str,
    pub(crate) handle: u64,
    /// Return address of the call that asked for it last.
    pub(crate) caller: u64,
}

impl DestroyedContexts {
    const KEPT: usize = 16;

    fn keep(&self, context: Destroyed, machine: &Machine) -> Outcome<()> {
        let mut kept = self.0.lock();
        kept.push_back(context);
        let oldest = if kept.len() > Self::KEPT { kept.pop_front() } else { None };
        drop(kept);
        match oldest.and_then(|oldest| oldest.check(machine)) {
            Some(fault) => Err(Stop::from(fault)),
            None => Ok(()),
        }
    }

    /// Looks whether any was changed, and forgets all.
    pub(crate) fn sweep(&self, machine: &Machine) -> Vec<Fault> {
        let kept = std::mem::take(&mut *self.0.lock());
        kept.iter().filter_map(|context| context.check(machine)).collect()
    }
}

impl Destroyed {
    /// Takes the memory away, of which the driver may have written no more than it
    /// was lent.
    pub(crate) fn take_away(self, machine: &Machine) -> Outcome<()> {
        let Self { memory, what, handle, caller } = &self;
        if let Some(offset) = memory.damage() {
            let object = describe::address(*handle, machine);
            let length = memory.length();
            return Err(Stop::from(Fault {
                kind: FaultKind::ContextOverrun,
                message: format!(
                    "the driver wrote at offset {offset} of the {length} bytes of {what} of {object}"
                ),
                site: machine.mapping.site(*caller),
            }));
        }
        memory.take_back();
        machine.framework.destroyed.keep(self, machine)
    }

    fn check(&self, machine: &Machine) -> Option<Fault> {
        let within = self.memory.changed_since_taken_back().map(usize::cast_signed);
        let offset = within.or_else(|| self.memory.damage())?;
        let (what, object) = (self.what, describe::address(self.handle, machine));
        Some(Fault {
            kind: FaultKind::ContextAfterDestroy,
            message: format!(
                "the driver wrote at offset {offset} of the {what} of {object} after that was gone"
            ),
            site: machine.mapping.site(self.caller),
        })
    }
}
