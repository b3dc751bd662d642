//! `WDF_OBJECT_ATTRIBUTES`, with the framework's checks.

use crate::native::contracts::status::{
    WDF_EXECUTION_LEVEL_INVALID, WDF_OBJECT_ATTRIBUTES_INVALID, WDF_PARENT_ASSIGNMENT_NOT_ALLOWED,
    WDF_SYNCHRONIZATION_SCOPE_INVALID,
};
use crate::native::engine::address::Address;
use crate::native::engine::stop::Outcome;
use crate::native::framework::typed_context::Attributes;
use crate::native::running::context::Context;
use psimp_nt::Status;
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
/// More than any driver keeps with an object.
const MAX_CONTEXT: usize = 1 << 20;

/// The properties that attributes may set for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// The framework sets the parent.
    Fixed,
    /// The driver sets the parent, but neither level nor scope.
    Child,
}

impl Context<'_> {
    /// Reads attributes and checks them as the framework does for an object
    /// whose parent the driver may not set.
    pub(crate) fn attributes(&self, at: Address) -> Outcome<Result<Attributes, Status>> {
        Ok(self.check_attributes(at, Rules::Fixed)?.map(|(attributes, _)| attributes))
    }

    /// As [`Context::attributes`], for an object whose parent the driver may
    /// set; also returns the parent's handle, or null.
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
