//! The work-item functions.

use crate::native::contracts::object_address::{self, Kind};
use crate::native::contracts::status::WDF_PARENT_NOT_SPECIFIED;
use crate::native::engine::address::Address;
use crate::native::engine::export::PASSIVE;
use crate::native::engine::stop::Outcome;
use crate::native::framework::typed_context::TypedContext;
use crate::native::framework::work_item::WorkItem;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_nt::Status;
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

/// `WDF_WORKITEM_CONFIG`.
#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct Config {
    size: u32,
    padding: u32,
    callback: u64,
    automatic_serialization: u8,
    more_padding: [u8; 7],
}

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    fn WdfWorkItemCreate[DISPATCH, fails RESOURCES](
        cx, globals: Address, config: Address, attributes: Address, item: Address
    ) -> Status {
        let framework = cx.framework(globals)?;
        if attributes == Address::NULL {
            return Ok(WDF_PARENT_NOT_SPECIFIED);
        }
        let checked = cx.child_attributes(attributes)?;
        if matches!(checked, Err(Status::INFO_LENGTH_MISMATCH)) {
            return Ok(Status::INFO_LENGTH_MISMATCH);
        }
        let config: Config = cx.read(config, "WDF_WORKITEM_CONFIG")?;
        if config.size as usize != size_of::<Config>() {
            return Ok(Status::INFO_LENGTH_MISMATCH);
        }
        if config.callback == 0 {
            return Ok(Status::INVALID_PARAMETER);
        }
        let (attributes, parent) = match checked {
            Ok((_, Address::NULL)) => return Ok(WDF_PARENT_NOT_SPECIFIED),
            Ok(checked) => checked,
            Err(status) => return Ok(status),
        };
        let parent = cx.parent(parent)?;
        // The parent must belong to a device, and a driver object does not.
        if let Some((Kind::Driver, ..)) = object_address::decode(parent) {
            return Ok(Status::INVALID_DEVICE_REQUEST);
        }
        if config.automatic_serialization != 0 {
            // If the device's scope is not synchronised, the framework takes no lock for it;
            // if it is, the framework refuses, unless the device is at the passive level.
            return cx.not_modelled("asks for AutomaticSerialization");
        }
        let context = match TypedContext::new(attributes) {
            Ok(context) => context,
            Err(status) => return Ok(status),
        };
        let handle = object_address::address(Kind::WorkItem, cx.account().serial());
        framework.work_items.add(WorkItem::new(handle, parent, config.callback, context));
        cx.write(item, &handle, "the work item's handle")?;
        Ok(Status::SUCCESS)
    }

    fn WdfWorkItemEnqueue[DISPATCH, fails NEVER](cx, globals: Address, item: Address) {
        cx.framework(globals)?;
        find(cx, item)?.enqueue(cx)
    }

    fn WdfWorkItemGetParentObject[DISPATCH, fails NEVER](cx, globals: Address, item: Address) -> Address {
        cx.framework(globals)?;
        Ok(Address(find(cx, item)?.parent))
    }

    fn WdfWorkItemFlush[PASSIVE, fails NEVER](cx, globals: Address, item: Address) {
        cx.framework(globals)?;
        find(cx, item)?.flush(cx)
    }
}

/// The work item of a handle.
pub(crate) fn find(cx: &Context<'_>, handle: Address) -> Outcome<Arc<WorkItem>> {
    cx.child(&cx.machine().framework.work_items, handle)
}

/// Deletes a work item, once it is idle.
pub(crate) fn delete(cx: &Context<'_>, item: &Arc<WorkItem>) -> Outcome<()> {
    if cx.dispatch.irql > PASSIVE {
        return cx.not_modelled("deletes a work item above PASSIVE_LEVEL, which the framework puts off");
    }
    if cx.dispatch.work.is_some_and(|work| work.item == item.handle) {
        return cx.not_modelled("deletes the work item whose callback calls");
    }
    item.delete(cx.dispatch)
}
