//! The registry: the key `Parameters` of the service, and no other.

use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::engine::address::Address;
use crate::native::engine::export::PASSIVE;
use crate::native::engine::stop::Outcome;
use crate::native::framework::key::Key;
use crate::native::framework::typed_context::TypedContext;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_nt::Status;
use std::sync::Arc;

/// `KEY_READ`, which holds `STANDARD_RIGHTS_READ`, and `GENERIC_READ`.
const READ_RIGHTS: u32 = 0x0002_0019 | 0x8000_0000;

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    /// The key exists only if it has at least one value.
    fn WdfDriverOpenParametersRegistryKey[PASSIVE, fails RESOURCES](
        cx, globals: Address, driver: Address, desired: u32, attributes: Address, key: Address
    ) -> Status {
        let framework = cx.framework(globals)?;
        cx.write(key, &0_u64, "the key's handle")?;
        let (attributes, parent) = match cx.child_attributes(attributes)? {
            Ok(checked) => checked,
            Err(status) => return Ok(status),
        };
        cx.check_driver(driver)?;
        let parent = cx.parent(parent)?;
        if desired & !READ_RIGHTS != 0 {
            return cx.not_modelled(format_args!("opens the key with the access 0x{desired:X}"));
        }
        if cx.machine().options.parameters.is_empty() {
            return Ok(Status::OBJECT_NAME_NOT_FOUND);
        }
        let context = match TypedContext::new(attributes) {
            Ok(context) => context,
            Err(status) => return Ok(status),
        };
        let handle = object_address::address(Kind::Key, cx.account().serial());
        framework.keys.add(Arc::new(Key { handle, parent, context }));
        cx.write(key, &handle, "the key's handle")?;
        Ok(Status::SUCCESS)
    }

    /// Every value is a `REG_DWORD` here, so there is no type mismatch.
    fn WdfRegistryQueryULong[PASSIVE, fails RESOURCES](
        cx, globals: Address, key: Address, name: Address, value: Address
    ) -> Status {
        cx.framework(globals)?;
        find(cx, key)?;
        let Some(name) = cx.read_string(name, "the value's name")? else {
            return Ok(Status::INVALID_PARAMETER);
        };
        let parameters = &cx.machine().options.parameters;
        match parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            None => Ok(Status::OBJECT_NAME_NOT_FOUND),
            Some((_, known)) => {
                cx.write(value, known, "the value")?;
                Ok(Status::SUCCESS)
            }
        }
    }

    fn WdfRegistryClose[PASSIVE, fails NEVER](cx, globals: Address, key: Address) {
        cx.framework(globals)?;
        find(cx, key)?.delete(cx.dispatch)
    }
}

/// The key of a handle.
pub(crate) fn find(cx: &Context<'_>, handle: Address) -> Outcome<Arc<Key>> {
    cx.child(&cx.machine().framework.keys, handle)
}

/// Deletes a key like any object.
pub(crate) fn delete(cx: &Context<'_>, key: &Key) -> Outcome<()> {
    if cx.dispatch.irql > PASSIVE {
        return Err(cx.fault(FaultKind::Irql, "deletes a key above PASSIVE_LEVEL"));
    }
    key.delete(cx.dispatch)
}
