//! The interrupt request level. The requests for these come in at
//! `DISPATCH_LEVEL`.

use crate::call::{PAGED, TAG};
use crate::defect::defects;
use crate::locks;
use crate::state::DEVICE;
use core::hint::black_box;
use core::ptr;
use core::sync::atomic::Ordering;
use wdk_sys::call_unsafe_wdf_function_binding;
use wdk_sys::ntddk::{ExAllocatePool2, PsRevertToSelf};

defects! {
    /// A handle is looked up.
    fn looked_up_too_high [Control] (call) {
        // Breaks the highest level of ObReferenceObjectByHandle.
        let _ = call.token();
    }

    /// A thread stops impersonating.
    fn reverted_too_high [Control] (_call) {
        // SAFETY: none; this breaks the highest level of the routine.
        unsafe { PsRevertToSelf() };
    }

    /// Paged pool is allocated.
    fn paged_pool_too_high [Control] (_call) {
        // SAFETY: none; this breaks the highest level of paged pool.
        black_box(unsafe { ExAllocatePool2(PAGED, 16, TAG) });
    }

    /// The thread may wait.
    fn waited_too_high [Control] (_call) {
        let lock = locks::create();
        // SAFETY: none; this breaks the highest level of waiting.
        let _ = unsafe { call_unsafe_wdf_function_binding!(WdfWaitLockAcquire, lock, ptr::null_mut()) };
    }

    /// The device is deleted.
    fn device_deleted_too_high [Control] (_call) {
        let device = DEVICE.load(Ordering::Relaxed);
        // SAFETY: none; this breaks the highest level of deleting a device.
        unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, device) };
    }
}
