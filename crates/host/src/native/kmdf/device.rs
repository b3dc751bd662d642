//! Deletion of a control device.

use super::children;
use crate::native::engine::stop::Outcome;
use crate::native::framework::device::Device;
use crate::native::running::dispatch::Dispatch;
use std::sync::Arc;

/// Records that a file was closed or its create failed; the last one destroys a deleted device.
pub(crate) fn closed(device: &Arc<Device>, dispatch: &Dispatch<'_>) -> Outcome<()> {
    if device.closed() { destroy(device, dispatch) } else { Ok(()) }
}

/// Deletes a device: it can no longer be opened, and it is destroyed as soon as no file is open.
pub(super) fn delete(device: &Arc<Device>, dispatch: &Dispatch<'_>) -> Outcome<()> {
    if device.set_deleted() { destroy(device, dispatch) } else { Ok(()) }
}

fn destroy(device: &Arc<Device>, dispatch: &Dispatch<'_>) -> Outcome<()> {
    children::delete(dispatch, device.handle())?;
    device.context().destroy(dispatch, device.handle())?;
    dispatch.machine.framework.objects.lock().devices.retain(|other| !Arc::ptr_eq(other, device));
    Ok(())
}
