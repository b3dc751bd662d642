//! Kernel handles.

use crate::FaultKind;
use crate::native::contracts::handles::{self, Handle};
use crate::native::engine::address::Address;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_model::{AccessMode, Object};
use psimp_nt::Status;

/// `OBJ_KERNEL_HANDLE`.
pub(super) const KERNEL_HANDLE: u32 = 0x200;

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn ObOpenObjectByPointer[PASSIVE, fails RESOURCES](
        cx, object: Address, attributes: u32, access_state: Address, desired: u32, object_type: Address,
        mode: u8, handle: Address
    ) -> Status {
        let opened = cx.object(object)?;
        if access_state.non_null().is_some() {
            return cx.not_modelled("is given an ACCESS_STATE");
        }
        check_attributes(cx, attributes)?;
        if cx.mode(mode)? == AccessMode::User {
            return cx.not_modelled("opens an object in UserMode");
        }
        // The type may be omitted here.
        if object_type.non_null().is_some() && cx.object_type(object_type)? != opened.object_type() {
            return Ok(Status::OBJECT_TYPE_MISMATCH);
        }
        let value = open(cx, opened, desired);
        cx.write(handle, &value, "the handle")?;
        Ok(Status::SUCCESS)
    }

    fn ZwClose[PASSIVE, fails NEVER](cx, handle: u64) -> Status {
        if !handles::is_kernel(handle) {
            return Err(cx.fault(
                FaultKind::HandleMode,
                format_args!("closes 0x{handle:X}, which is not a handle of the kernel"),
            ));
        }
        let here = cx.account().handles.borrow_mut().remove(handle);
        let closed = here.or_else(|| cx.machine().ledger.remove_handle(handle));
        closed.map(|_| Status::SUCCESS).ok_or_else(|| not_open(cx, handle))
    }
}

/// A driver's handles belong in the kernel's table: a program could use and
/// close those in the table of the current process, which is the caller's.
pub(super) fn check_attributes(cx: &Context<'_>, attributes: u32) -> Outcome<()> {
    if attributes & KERNEL_HANDLE == 0 {
        return Err(cx.fault(
            FaultKind::HandleMode,
            format_args!("makes a handle in the caller's process: the attributes are 0x{attributes:X}"),
        ));
    }
    if attributes != KERNEL_HANDLE {
        return cx.not_modelled(format_args!("was given the object attributes 0x{attributes:X}"));
    }
    Ok(())
}

/// A new handle.
pub(super) fn open(cx: &Context<'_>, object: Object, granted: u32) -> u64 {
    let value = handles::value(cx.account().serial());
    let handle = Handle { value, object, granted, function: cx.export.name, caller: cx.caller };
    cx.account().handles.borrow_mut().add(handle);
    value
}

/// The object of a handle.
pub(super) fn get(cx: &Context<'_>, value: u64) -> Outcome<Handle> {
    let here = cx.account().handles.borrow().get(value).cloned();
    here.or_else(|| cx.machine().ledger.handle(value)).ok_or_else(|| not_open(cx, value))
}

#[cold]
fn not_open(cx: &Context<'_>, value: u64) -> Stop {
    cx.fault(
        FaultKind::Handle,
        format_args!("was given 0x{value:X}, which is not an open handle of the kernel"),
    )
}
