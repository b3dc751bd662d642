//! Creation of a control device.

use super::init;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::contracts::status::OBJECT_NAME_COLLISION;
use crate::native::engine::address::Address;
use crate::native::framework::device::Device;
use crate::native::framework::typed_context::TypedContext;
use crate::native::running::call::exports;
use psimp_model::{UnknownSddl, parse_sddl};
use psimp_nt::Status;
use std::sync::Arc;

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    fn WdfDeviceCreate[PASSIVE, fails RESOURCES](
        cx, globals: Address, init: Address, attributes: Address, device: Address
    ) -> Status {
        let framework = cx.framework(globals)?;
        let handle: u64 = cx.read(init, "the WDFDEVICE_INIT")?;
        let described = init::get(cx, Address(handle))?;
        cx.write(device, &0_u64, "the device's handle")?;
        let attributes = match cx.attributes(attributes)? {
            Ok(attributes) => attributes,
            Err(status) => return Ok(status),
        };
        let acl = match parse_sddl(&described.sddl) {
            Ok(acl) => acl,
            Err(UnknownSddl(part)) => return cx.not_modelled(format_args!("uses the SDDL {part:?}")),
        };
        if described.name.as_deref().is_some_and(|name| framework.device(name).is_some()) {
            return Ok(OBJECT_NAME_COLLISION);
        }
        let context = match TypedContext::new(attributes) {
            Ok(context) => context,
            Err(status) => return Ok(status),
        };
        let described = init::take(cx, Address(described.handle))?;
        let value = object_address::address(Kind::Device, cx.account().serial());
        let created = Device::new(value, framework.id(), cx.caller, described, acl, context);
        framework.objects.lock().devices.push(Arc::new(created));
        cx.write(init, &0_u64, "the WDFDEVICE_INIT")?;
        cx.write(device, &value, "the device's handle")?;
        Ok(Status::SUCCESS)
    }

    fn WdfDeviceCreateSymbolicLink[PASSIVE, fails RESOURCES](
        cx, globals: Address, device: Address, name: Address
    ) -> Status {
        let framework = cx.framework(globals)?;
        let device = cx.device(device)?;
        let name = match cx.read_string(name, "the link's name")? {
            None => return Ok(Status::INVALID_PARAMETER),
            Some(name) if name.is_empty() => return Ok(Status::INVALID_DEVICE_REQUEST),
            Some(name) => name,
        };
        if device.link().lock().is_some() {
            return Ok(Status::INVALID_DEVICE_REQUEST);
        }
        if device.name().is_none() {
            return Ok(Status::INVALID_DEVICE_STATE);
        }
        if framework.device(&name).is_some() {
            return Ok(OBJECT_NAME_COLLISION);
        }
        *device.link().lock() = Some(name);
        Ok(Status::SUCCESS)
    }

    fn WdfControlFinishInitializing[DISPATCH, fails NEVER](cx, globals: Address, device: Address) {
        cx.framework(globals)?;
        cx.device(device)?.finish_initializing();
        Ok(())
    }
}
