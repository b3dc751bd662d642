//! The driver object of the framework.

use super::{children, device};
use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::contracts::status::DRIVER_INTERNAL_ERROR;
use crate::native::engine::address::Address;
use crate::native::engine::export::Export;
use crate::native::engine::stop::Outcome;
use crate::native::framework::driver::Driver;
use crate::native::framework::globals::offsets;
use crate::native::framework::typed_context::TypedContext;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use crate::native::running::machine::driver_object;
use psimp_nt::Status;
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

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
        check_driver_object(cx, driver)?;
        let config: Config = cx.read(config, "WDF_DRIVER_CONFIG")?;
        if config.size as usize != size_of::<Config>() && config.size != CONFIG_1_1 {
            return Ok(Status::INFO_LENGTH_MISMATCH);
        }
        if config.init_flags & !(NON_PNP_DRIVER | NO_DISPATCH_OVERRIDE) != 0 {
            return Ok(Status::INVALID_PARAMETER);
        }
        if config.size != CONFIG_1_1 && !is_tag(config.pool_tag) {
            return cx.bad_argument(format_args!("was given the pool tag 0x{:X}", config.pool_tag));
        }
        check_registry_path(cx, registry_path)?;
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
        let context = match TypedContext::new(attributes) {
            Ok(context) => context,
            Err(status) => return Ok(status),
        };
        let handle_value = object_address::address(Kind::Driver, cx.account().serial());
        let driver = Arc::new(Driver { handle: handle_value, on_unload: config.on_unload, context });
        publish(cx, &driver, &config);
        framework.objects.lock().driver = Some(driver);
        if handle.non_null().is_some() {
            cx.write(handle, &handle_value, "the driver's handle")?;
        }
        Ok(Status::SUCCESS)
    }
}

exports! {
    /// The function that the framework registers with the kernel: it has no slot in the
    /// function table.
    OF_DRIVER_OBJECT:

    /// The framework's value for `DRIVER_OBJECT.DriverUnload`.
    fn DriverUnload[PASSIVE, fails NEVER](cx, driver_object: Address) {
        check_driver_object(cx, driver_object)?;
        let driver = cx.machine().framework.objects.lock().driver.clone();
        let Some(driver) = driver else { return Ok(()) };
        if driver.on_unload != 0 {
            cx.dispatch.call(driver.on_unload, [driver.handle])?;
        }
        delete(cx)
    }
}

/// Whether pool can be tagged so: four printable characters, or zero for a tag that the framework makes
/// of the service's name.
fn is_tag(tag: u32) -> bool {
    tag == 0 || tag.to_le_bytes().iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// Initialises the parts of a new driver object that the driver and the I/O manager read.
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
    // With a terminating zero.
    let name = machine.service.as_bytes();
    globals.write(offsets::DRIVER_NAME, name.get(..offsets::DRIVER_NAME_SIZE - 1).unwrap_or(name));
    // Without a callback the driver cannot be unloaded.
    let unload = if config.on_unload == 0 { 0 } else { unload().address() };
    globals.write(offsets::DISPLACE_DRIVER_UNLOAD, &[u8::from(unload != 0)]);
    machine.driver_object.write(driver_object::DRIVER_UNLOAD, &unload.to_le_bytes());
}

/// The framework's value for `DRIVER_OBJECT.DriverUnload`.
pub(crate) fn unload() -> &'static Export {
    let [unload] = OF_DRIVER_OBJECT else { unreachable!("one function is declared above") };
    unload
}

/// Deletes the driver object with all its children, including a control device that the
/// driver did not delete itself.
pub(crate) fn delete(cx: &Context<'_>) -> Outcome<()> {
    let framework = &cx.machine().framework;
    let Some(driver) = framework.objects.lock().driver.clone() else { return Ok(()) };
    let devices = framework.objects.lock().devices.clone();
    for device in &devices {
        device::delete(device, cx.dispatch)?;
    }
    children::delete(cx.dispatch, driver.handle)?;
    driver.context.destroy(cx.dispatch, driver.handle)?;
    framework.objects.lock().driver = None;
    framework.globals.write(offsets::DRIVER, &[0; 8]);
    Ok(())
}

/// The driver has to pass its own driver object.
pub(super) fn check_driver_object(cx: &Context<'_>, object: Address) -> Outcome<()> {
    if object.0 == cx.machine().driver_object.address() {
        return Ok(());
    }
    let address = cx.describe(object.0);
    Err(cx.fault(FaultKind::BadArgument, format_args!("was given {address} and not the driver object")))
}

/// The path has to be valid at every call of the loader: a driver that kept the pointer
/// from `DriverEntry` passes memory that was freed.
pub(super) fn check_registry_path(cx: &Context<'_>, path: Address) -> Outcome<()> {
    let given = cx.read_string(path, "the registry path")?;
    if given == Some(cx.machine().registry_key()) {
        return Ok(());
    }
    cx.bad_argument("was not given the registry path of the driver")
}
