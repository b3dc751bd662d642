//! The registry, as far as the service's key `Parameters` goes.

use super::attributes::TypedContext;
use super::children::{Child, parent_of};
use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::engine::cpu::Cpu;
use crate::native::engine::export::{PASSIVE, exports};
use crate::native::engine::stop::Outcome;
use crate::native::running::context::Context;
use crate::native::running::dispatch::Dispatch;
use crate::native::running::memory::Address;
use psimp_nt::Status;
use std::sync::Arc;

/// `KEY_READ`, which holds `STANDARD_RIGHTS_READ`, and `GENERIC_READ`.
const READ_RIGHTS: u32 = 0x0002_0019 | 0x8000_0000;

/// `WDFKEY`: the service's key `Parameters`, opened to be read.
#[derive(Debug)]
pub(crate) struct Key {
    handle: u64,
    parent: u64,
    context: TypedContext,
}

impl Child for Key {
    const KIND: Kind = Kind::Key;

    fn handle(&self) -> u64 {
        self.handle
    }

    fn parent(&self) -> u64 {
        self.parent
    }
}

impl Key {
    pub(crate) fn context(&self) -> &TypedContext {
        &self.context
    }

    /// Closes and deletes it.
    pub(crate) fn delete(&self, dispatch: &Dispatch<'_>, cpu: &Cpu) -> Outcome<()> {
        dispatch.machine.framework.keys.remove(self);
        self.context.destroy(dispatch, cpu, self.handle)
    }
}

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    /// The key is there only if somebody made it, which nobody does without a
    /// value to put into it.
    fn WdfDriverOpenParametersRegistryKey[PASSIVE, fails RESOURCES](
        cx, globals: Address, driver: Address, desired: u32, attributes: Address, key: Address
    ) -> Status {
        let framework = cx.framework(globals)?;
        cx.write(key, &0_u64, "the key's handle")?;
        let (attributes, parent) = match cx.child_attributes(attributes)? {
            Ok(checked) => checked,
            Err(status) => return Ok(status),
        };
        let known = framework.objects.lock().driver.as_ref().map(|driver| driver.handle());
        if known != Some(driver.0) {
            return Err(cx.bad_handle(driver, "WDFDRIVER"));
        }
        let parent = parent_of(cx, parent)?;
        if desired & !READ_RIGHTS != 0 {
            return cx.not_modelled(format_args!("opens the key with the access 0x{desired:X}"));
        }
        if cx.machine().options.parameters.is_empty() {
            return Ok(Status::OBJECT_NAME_NOT_FOUND);
        }
        let handle = object_address::address(Kind::Key, cx.cpu.serial());
        framework.keys.add(Arc::new(Key { handle, parent, context: TypedContext::new(attributes) }));
        cx.write(key, &handle, "the key's handle")?;
        Ok(Status::SUCCESS)
    }

    /// Every value is a `REG_DWORD` here, so none is of another type.
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
        find(cx, key)?.delete(cx.dispatch, cx.cpu)
    }
}

/// The key behind a handle.
pub(crate) fn find(cx: &Context<'_>, handle: Address) -> Outcome<Arc<Key>> {
    cx.machine().framework.keys.find(cx, handle)
}

/// Deletes a key as any object.
pub(crate) fn delete(cx: &Context<'_>, key: &Key) -> Outcome<()> {
    if cx.dispatch.irql > PASSIVE {
        return Err(cx.fault(FaultKind::Irql, "deletes a key above PASSIVE_LEVEL"));
    }
    key.delete(cx.dispatch, cx.cpu)
}
