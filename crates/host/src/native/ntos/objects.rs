//! The object manager: references by pointer and by handle.

use crate::FaultKind;
use crate::native::contracts::handles;
use crate::native::contracts::references::RefSource;
use crate::native::engine::address::Address;
use crate::native::engine::stop::Outcome;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_model::{AccessMode, Object, ObjectType, reference_by_handle};
use psimp_nt::Status;
use zerocopy::{Immutable, IntoBytes};

/// `OBJECT_HANDLE_INFORMATION`.
#[derive(Clone, Copy, IntoBytes, Immutable)]
#[repr(C)]
struct HandleInformation {
    attributes: u32,
    granted: u32,
}

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn ObReferenceObjectByHandle[PASSIVE, fails RESOURCES](
        cx, handle: u64, desired: u32, object_type: Address, mode: u8, object: Address, information: Address
    ) -> Status {
        let wanted = cx.object_type(object_type)?;
        cx.write(object, &0_u64, "the object's address")?;
        let found = match cx.mode(mode)? {
            AccessMode::User => reference_by_handle(cx.dispatch.thread, handle, wanted, desired),
            AccessMode::Kernel => by_kernel_handle(cx, handle, wanted)?,
        };
        let (found, granted) = match found {
            Ok(found) => found,
            Err(status) => return Ok(status),
        };
        let address = cx.give(found, RefSource::Object);
        cx.write(object, &address.0, "the object's address")?;
        if information.non_null().is_some() {
            let reported = HandleInformation { attributes: 0, granted };
            cx.write(information, &reported, "OBJECT_HANDLE_INFORMATION")?;
        }
        Ok(Status::SUCCESS)
    }

    fn ObfReferenceObject[DISPATCH, fails NEVER](cx, object: Address) -> u64 {
        let referenced = cx.object(object)?;
        cx.give(referenced, RefSource::Object);
        Ok(COUNT)
    }

    fn ObfDereferenceObject[DISPATCH, fails NEVER](cx, object: Address) -> u64 {
        cx.take_back(object, RefSource::Object)?;
        Ok(COUNT)
    }
}

/// Returned for a reference count, which has no meaning for a driver.
const COUNT: u64 = 0xCCCC_CCCC_CCCC_CCCC;

/// As a driver looks up its own handles: without an access check.
fn by_kernel_handle(
    cx: &Context<'_>,
    value: u64,
    wanted: ObjectType,
) -> Outcome<Result<(Object, u32), Status>> {
    if handles::is_pseudo(value) {
        return Ok(reference_by_handle(cx.dispatch.thread, value, wanted, 0));
    }
    if !handles::is_kernel(value) {
        return Err(cx.fault(
            FaultKind::HandleMode,
            format_args!("looks the handle 0x{value:X} of user mode up in KernelMode"),
        ));
    }
    let handle = super::handle::get(cx, value)?;
    if handle.object.object_type() != wanted {
        return Ok(Err(Status::OBJECT_TYPE_MISMATCH));
    }
    Ok(Ok((handle.object, handle.granted)))
}
