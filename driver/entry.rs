//! `DriverEntry` and unload.

use crate::device;
use crate::trace;
use crate::wdf::{self, NO_ATTRIBUTES};
use core::ptr;
use wdk_sys::{
    _WDF_DRIVER_INIT_FLAGS::WdfDriverInitNonPnpDriver, NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT,
    STATUS_SUCCESS, WDF_DRIVER_CONFIG, WDFDRIVER, call_unsafe_wdf_function_binding,
};

/// The tag of the framework's pool blocks for this driver, as `!poolused` shows it.
const POOL_TAG: u32 = u32::from_le_bytes(*b"psmp");

/// Starts the driver, and logs the result.
///
/// IRQL `PASSIVE_LEVEL`, in a system thread. If it fails, the framework's own entry
/// point unbinds, which deletes what was created; unload is not called.
///
/// # Safety
/// Called once, by the framework's entry point, with the driver object and the
/// registry path that the I/O manager passed to it.
#[unsafe(export_name = "DriverEntry")]
unsafe extern "system" fn driver_entry(driver: PDRIVER_OBJECT, registry_path: PCUNICODE_STRING) -> NTSTATUS {
    trace::register();
    // SAFETY: promised by the caller.
    let status = unsafe { create(driver, registry_path) }.err().unwrap_or(STATUS_SUCCESS);
    trace::started(status);
    status
}

/// Creates the framework driver object and the control device.
///
/// # Errors
/// The framework's error.
///
/// # Safety
/// As of [`driver_entry`].
unsafe fn create(driver: PDRIVER_OBJECT, registry_path: PCUNICODE_STRING) -> Result<(), NTSTATUS> {
    let mut config = WDF_DRIVER_CONFIG {
        Size: wdf::size_of_config::<WDF_DRIVER_CONFIG>(),
        EvtDriverUnload: Some(evt_driver_unload),
        DriverInitFlags: WdfDriverInitNonPnpDriver as u32,
        DriverPoolTag: POOL_TAG,
        ..WDF_DRIVER_CONFIG::default()
    };
    let mut handle: WDFDRIVER = ptr::null_mut();
    // SAFETY: the caller passes the I/O manager's arguments; the other pointers are
    // to locals that outlive the call.
    let status = unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDriverCreate,
            driver,
            registry_path,
            NO_ATTRIBUTES,
            &raw mut config,
            &raw mut handle
        )
    };
    if !wdk::nt_success(status) {
        return Err(status);
    }
    // SAFETY: the driver object was just created.
    unsafe { device::create(handle) }
}

/// Ends logging; every file object is closed by now. The framework deletes the control device when
/// this returns, as for every driver whose devices are all control devices.
///
/// IRQL `PASSIVE_LEVEL`, in a system thread. A thread that is impersonating
/// continues to: its slot holds no pointer into this image.
extern "C" fn evt_driver_unload(_driver: WDFDRIVER) {
    trace::stopped();
}
