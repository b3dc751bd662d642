//! How a control device ends.

use super::children;
use crate::native::engine::stop::Outcome;
use crate::native::framework::device::Device;
use crate::native::running::dispatch::Dispatch;
use std::sync::Arc;

/// A file was closed, or its create failed; the last one takes a deleted device with it.
pub(crate) fn closed(device: &Arc<Device>, dispatch: &Dispatch<'_>) -> Outcome<()> {
    if device.closed() { destroy(device, dispatch) } else { Ok(()) }
}

/// Deletes a device: nobody can open it any more, and it is destroyed as soon as no file is open.
pub(super) fn delete(device: &Arc<Device>, dispatch: &Dispatch<'_>) -> Outcome<()> {
    if device.set_deleted() { destroy(device, dispatch) } else { Ok(()) }
}

fn destroy(device: &Arc<Device>, dispatch: &Dispatch<'_>) -> Outcome<()> {
    children::delete(dispatch, device.handle())?;
    device.context().destroy(dispatch, device.handle())?;
    dispatch.machine.framework.objects.lock().devices.retain(|other| !Arc::ptr_eq(other, device));
    Ok(())
}
