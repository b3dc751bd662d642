//! Objects of any type: deletion and contexts.

use super::{device, locks, registry, work};
use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::engine::address::Address;
use crate::native::engine::export::PASSIVE;
use crate::native::engine::stop::Outcome;
use crate::native::running::call::exports;
use crate::native::running::context::Context;

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    fn WdfObjectDelete[DISPATCH, fails NEVER](cx, globals: Address, object: Address) {
        cx.framework(globals)?;
        match object_address::decode(object.0) {
            Some((Kind::Device, ..)) => {
                if cx.dispatch.irql > PASSIVE {
                    return Err(cx.fault(FaultKind::Irql, "deletes a device above PASSIVE_LEVEL"));
                }
                let device = cx.device(object)?;
                device::delete(&device, cx.dispatch)
            }
            Some((Kind::WaitLock, ..)) => {
                locks::find(cx, object)?.delete(cx.dispatch)
            }
            Some((Kind::Key, ..)) => {
                let key = registry::find(cx, object)?;
                registry::delete(cx, &key)
            }
            Some((Kind::WorkItem, ..)) => work::delete(cx, &work::find(cx, object)?),
            Some((Kind::Driver | Kind::File | Kind::Request, ..)) => {
                let object = cx.describe(object.0);
                cx.bad_argument(format_args!("was given {object}, which is not the driver's to delete"))
            }
            _ => Err(cx.bad_handle(object, "framework object")),
        }
    }

    fn WdfObjectGetTypedContextWorker[ANY, fails NEVER](
        cx, globals: Address, object: Address, type_info: Address
    ) -> Address {
        cx.framework(globals)?;
        // The file object of the current request, nearly always.
        if let Some(file) = cx.dispatch.file.filter(|file| file.handle() == object.0) {
            return found(cx, object, file.context().get(type_info, cx.caller));
        }
        found(cx, object, find(cx, object, type_info)?)
    }
}

/// The context of an object that is not the current file.
fn find(cx: &Context<'_>, object: Address, type_info: Address) -> Outcome<Option<Address>> {
    let framework = &cx.machine().framework;
    let context = match object_address::decode(object.0) {
        Some((Kind::Device, ..)) => Some(cx.device(object)?.context().get(type_info, cx.caller)),
        Some((Kind::Driver, ..)) => {
            let objects = framework.objects.lock();
            let driver = objects.driver.as_ref().filter(|driver| driver.handle == object.0);
            driver.map(|driver| driver.context.get(type_info, cx.caller))
        }
        Some((Kind::File, ..)) => {
            framework.file(object.0).map(|file| file.context().get(type_info, cx.caller))
        }
        Some((Kind::WaitLock, ..)) => Some(locks::find(cx, object)?.context().get(type_info, cx.caller)),
        Some((Kind::Key, ..)) => Some(registry::find(cx, object)?.context.get(type_info, cx.caller)),
        Some((Kind::WorkItem, ..)) => Some(work::find(cx, object)?.context.get(type_info, cx.caller)),
        // Requests have no context: no modelled function assigns one.
        Some((Kind::Request, ..)) => {
            cx.dispatch.request.filter(|request| request.handle() == object.0).map(|_| None)
        }
        _ => None,
    };
    context.ok_or_else(|| cx.bad_handle(object, "framework object"))
}

fn found(cx: &Context<'_>, object: Address, context: Option<Address>) -> Outcome<Address> {
    context.ok_or_else(|| {
        let object = cx.describe(object.0);
        cx.fault(FaultKind::ContextType, format_args!("was asked for a context that {object} does not have"))
    })
}
