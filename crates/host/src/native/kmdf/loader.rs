//! `WDFLDR.SYS`: binds a driver to the framework.

use super::driver;
use crate::native::engine::address::Address;
use crate::native::engine::stop::Outcome;
use crate::native::framework::slots::SLOTS;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
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
        driver::check_driver_object(cx, driver_object)?;
        driver::check_registry_path(cx, registry_path)?;
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
        cx.write(Address(info.function_table), &machine.function_table, "the function table's address")?;
        cx.write(globals, &machine.framework.globals.address(), "the globals' address")?;
        machine.framework.set_bound(true);
        Ok(Status::SUCCESS)
    }

    fn WdfVersionUnbind[PASSIVE, fails NEVER](
        cx, registry_path: Address, bind_info: Address, globals: Address
    ) -> Status {
        let framework = cx.framework(globals)?;
        driver::check_registry_path(cx, registry_path)?;
        read_info(cx, bind_info)?;
        // A driver whose `DriverEntry` failed still has its objects.
        driver::delete(cx)?;
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
