//! `WDFLDR.SYS`: binds a driver to the framework.

use crate::FaultKind;
use crate::native::engine::export::exports;
use crate::native::engine::stop::Outcome;
use crate::native::framework::slots::SLOTS;
use crate::native::running::context::Context;
use crate::native::running::memory::Address;
use crate::native::running::trap_stubs;
use crate::native::start;
use psimp_nt::Status;
use zerocopy::{FromBytes, IntoBytes};

#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct BindInfo {
    size: u32,
    padding: u32,
    component: u64,
    major: u32,
    minor: u32,
    build: u32,
    function_count: u32,
    function_table: u64,
    module: u64,
}

const COMPONENT: &str = "KmdfLibrary";

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn WdfVersionBind[PASSIVE, fails RESOURCES](
        cx, driver_object: Address, registry_path: Address, bind_info: Address, globals: Address
    ) -> Status {
        let machine = cx.machine();
        check_driver_object(cx, driver_object)?;
        check_registry_path(cx, registry_path)?;
        let info = read_info(cx, bind_info)?;
        if machine.framework.is_bound() {
            return cx.bad_argument("was called for a driver that is bound");
        }
        if (info.major, info.minor) != (1, 15) {
            return cx.not_modelled(format_args!("asks for KMDF {}.{}", info.major, info.minor));
        }
        if info.function_count as usize != SLOTS || info.function_table == 0 {
            return Ok(Status::INVALID_PARAMETER);
        }
        let Some(table) = trap_stubs::function_table() else { return Ok(Status::INSUFFICIENT_RESOURCES) };
        cx.write(Address(info.function_table), &table, "the function table's address")?;
        cx.write(globals, &machine.framework.globals.address(), "the globals' address")?;
        machine.framework.set_bound(true);
        Ok(Status::SUCCESS)
    }

    fn WdfVersionUnbind[PASSIVE, fails NEVER](
        cx, registry_path: Address, bind_info: Address, globals: Address
    ) -> Status {
        let framework = cx.framework(globals)?;
        check_registry_path(cx, registry_path)?;
        read_info(cx, bind_info)?;
        // A driver whose DriverEntry failed still has its objects.
        super::driver::delete(cx)?;
        framework.set_bound(false);
        Ok(Status::SUCCESS)
    }
}

fn read_info(cx: &Context<'_>, at: Address) -> Outcome<BindInfo> {
    let info: BindInfo = cx.read(at, "WDF_BIND_INFO")?;
    if info.size as usize != size_of::<BindInfo>() {
        return cx.not_modelled(format_args!("is given a WDF_BIND_INFO of {} bytes", info.size));
    }
    let bytes = cx.read_bytes(Address(info.component), 2 * COMPONENT.len(), "the component's name")?;
    let wanted = COMPONENT.encode_utf16().flat_map(u16::to_le_bytes);
    if !wanted.eq(bytes) {
        return cx.not_modelled("asks for another component than KmdfLibrary");
    }
    Ok(info)
}

pub(crate) fn check_driver_object(cx: &Context<'_>, object: Address) -> Outcome<()> {
    if object.0 == cx.machine().driver_object.address() {
        return Ok(());
    }
    let address = cx.describe(object.0);
    Err(cx.fault(FaultKind::BadArgument, format_args!("was given {address} and not the driver object")))
}

/// The path has to be there whenever the loader is called: a driver that kept
/// the pointer it was given passes what is gone.
pub(crate) fn check_registry_path(cx: &Context<'_>, path: Address) -> Outcome<()> {
    let given = cx.read_string(path, "the registry path")?;
    if given == Some(start::key(&cx.machine().options.service)) {
        return Ok(());
    }
    cx.bad_argument("was not given the registry path of the driver")
}
