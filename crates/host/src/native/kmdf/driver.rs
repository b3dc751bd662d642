//! The driver object of the framework.

use super::attributes::TypedContext;
use super::children;
use super::device::Device;
use super::loader;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::contracts::status::DRIVER_INTERNAL_ERROR;
use crate::native::engine::export::exports;
use crate::native::engine::stop::Outcome;
use crate::native::framework::globals::offsets;
use crate::native::running::context::Context;
use crate::native::running::memory::Address;
use crate::native::start::driver_object;
use psimp_nt::Status;
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

/// `WDFDRIVER`.
#[derive(Debug)]
pub(crate) struct Driver {
    handle: u64,
    on_unload: u64,
    context: TypedContext,
}

impl Driver {
    pub(crate) fn handle(&self) -> u64 {
        self.handle
    }

    pub(crate) fn context(&self) -> &TypedContext {
        &self.context
    }
}

#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct Config {
    size: u32,
    padding: u32,
    on_device_add: u64,
    on_unload: u64,
    init_flags: u32,
    pool_tag: u32,
}

const NON_PNP_DRIVER: u32 = 1;
const NO_DISPATCH_OVERRIDE: u32 = 2;
/// The structure without the pool tag, as in version 1.1.
const CONFIG_1_1: u32 = 32 - 8;

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    fn WdfDriverCreate[PASSIVE, fails RESOURCES](
        cx, globals: Address, driver: Address, registry_path: Address, attributes: Address, config: Address,
        handle: Address
    ) -> Status {
        let framework = cx.framework(globals)?;
        loader::check_driver_object(cx, driver)?;
        let config: Config = cx.read(config, "WDF_DRIVER_CONFIG")?;
        if config.size as usize != size_of::<Config>() && config.size != CONFIG_1_1 {
            return Ok(Status::INFO_LENGTH_MISMATCH);
        }
        if config.init_flags & !(NON_PNP_DRIVER | NO_DISPATCH_OVERRIDE) != 0 {
            return Ok(Status::INVALID_PARAMETER);
        }
        loader::check_registry_path(cx, registry_path)?;
        if framework.objects.lock().driver.is_some() {
            return Ok(DRIVER_INTERNAL_ERROR);
        }
        if handle.non_null().is_some() {
            cx.write(handle, &0_u64, "the driver's handle")?;
        }
        if config.init_flags != NON_PNP_DRIVER {
            return cx.not_modelled(format_args!(
                "asks for a driver with the flags 0x{:X} instead of WdfDriverInitNonPnpDriver", config.init_flags
            ));
        }
        if config.on_device_add != 0 {
            return Ok(Status::INVALID_PARAMETER);
        }
        let attributes = match cx.attributes(attributes)? {
            Ok(attributes) => attributes,
            Err(status) => return Ok(status),
        };
        let driver = Arc::new(Driver {
            handle: object_address::address(Kind::Driver, cx.cpu.serial()),
            on_unload: config.on_unload,
            context: TypedContext::new(attributes),
        });
        publish(cx, &driver, &config);
        let value = driver.handle;
        framework.objects.lock().driver = Some(driver);
        if handle.non_null().is_some() {
            cx.write(handle, &value, "the driver's handle")?;
        }
        Ok(Status::SUCCESS)
    }
}

exports! {
    /// What the framework has the kernel call: it has no slot, and drivers find it nowhere.
    OF_DRIVER_OBJECT:

    /// What the framework puts into `DRIVER_OBJECT.DriverUnload`.
    fn DriverUnload[PASSIVE, fails NEVER](cx, driver_object: Address) {
        loader::check_driver_object(cx, driver_object)?;
        let driver = cx.machine().framework.objects.lock().driver.clone();
        let Some(driver) = driver else { return Ok(()) };
        if driver.on_unload != 0 {
            cx.call(driver.on_unload, [driver.handle, 0, 0, 0])?;
        }
        delete(cx)
    }
}

/// Tells the driver and the I/O manager of a new driver object.
fn publish(cx: &Context<'_>, driver: &Driver, config: &Config) {
    let machine = cx.machine();
    let globals = &machine.framework.globals;
    let tag = match config.pool_tag {
        0 => u32::from_le_bytes(*b"PsIm"),
        tag => tag,
    };
    globals.write(offsets::DRIVER, &driver.handle.to_le_bytes());
    globals.write(offsets::DRIVER_FLAGS, &config.init_flags.to_le_bytes());
    globals.write(offsets::DRIVER_TAG, &tag.to_le_bytes());
    // With a zero behind it.
    let name = machine.options.service.as_bytes();
    globals.write(offsets::DRIVER_NAME, name.get(..offsets::DRIVER_NAME_SIZE - 1).unwrap_or(name));
    // Without a callback the driver cannot be stopped.
    let unload = if config.on_unload == 0 { 0 } else { unload_address() };
    globals.write(offsets::DISPLACE_DRIVER_UNLOAD, &[u8::from(unload != 0)]);
    machine.driver_object.write(driver_object::DRIVER_UNLOAD, &unload.to_le_bytes());
}

/// What is in `DRIVER_OBJECT.DriverUnload` unless the driver changes it.
pub(crate) fn unload_address() -> u64 {
    OF_DRIVER_OBJECT.first().map_or(0, |unload| unload.address())
}

/// Deletes the driver object with everything below it: also the control device
/// that the driver did not delete itself.
pub(crate) fn delete(cx: &Context<'_>) -> Outcome<()> {
    let framework = &cx.machine().framework;
    let Some(driver) = framework.objects.lock().driver.clone() else { return Ok(()) };
    let devices = framework.objects.lock().devices.clone();
    for device in &devices {
        Device::delete(device, cx.dispatch, cx.cpu)?;
    }
    children::delete(cx.dispatch, cx.cpu, driver.handle)?;
    driver.context.destroy(cx.dispatch, cx.cpu, driver.handle)?;
    framework.objects.lock().driver = None;
    framework.globals.write(offsets::DRIVER, &[0; 8]);
    Ok(())
}
