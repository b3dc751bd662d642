//! `DriverEntry` and unload.

use crate::device;
use crate::trace;
use crate::wdf::{self, ContextType};
use core::ptr;
use wdk_sys::{
    _WDF_DRIVER_INIT_FLAGS::WdfDriverInitNonPnpDriver, NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT,
    WDF_DRIVER_CONFIG, WDFDEVICE, WDFDRIVER, WDFOBJECT, call_unsafe_wdf_function_binding,
};

/// The context of the driver object.
#[repr(C)]
struct DriverContext {
    /// The control device; null before it is created.
    device: WDFDEVICE,
}

static DRIVER_CONTEXT: ContextType = ContextType::of::<DriverContext>(c"DriverContext", &DRIVER_CONTEXT);

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
    let status = unsafe { create(driver, registry_path) };
    trace::started(status);
    status
}

/// Creates the framework driver object and the control device.
///
/// # Safety
/// As of [`driver_entry`].
unsafe fn create(driver: PDRIVER_OBJECT, registry_path: PCUNICODE_STRING) -> NTSTATUS {
    let mut config = WDF_DRIVER_CONFIG {
        Size: wdf::size_of_config::<WDF_DRIVER_CONFIG>(),
        EvtDriverUnload: Some(evt_driver_unload),
        DriverInitFlags: WdfDriverInitNonPnpDriver as u32,
        ..WDF_DRIVER_CONFIG::default()
    };
    let mut attributes = DRIVER_CONTEXT.attributes();
    let mut handle: WDFDRIVER = ptr::null_mut();
    // SAFETY: the caller passes the I/O manager's arguments; the other pointers are
    // to locals that outlive the call.
    let status = unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDriverCreate,
            driver,
            registry_path,
            &raw mut attributes,
            &raw mut config,
            &raw mut handle
        )
    };
    if !wdk::nt_success(status) {
        return status;
    }
    // SAFETY: the driver object was just created.
    match unsafe { device::create(handle) } {
        Ok(device) => {
            // SAFETY: the driver object was just created.
            let context = unsafe { DRIVER_CONTEXT.get::<DriverContext>(handle.cast()) };
            // SAFETY: the framework made the context, zeroed, with the driver
            // object above; nothing else refers to it during DriverEntry.
            unsafe { (*context).device = device };
            wdk_sys::STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// Deletes the control device; every file object is closed by now.
///
/// IRQL `PASSIVE_LEVEL`, in a system thread. A thread that is impersonating
/// continues to: its slot holds no pointer into this image.
extern "C" fn evt_driver_unload(driver: WDFDRIVER) {
    // SAFETY: the driver object exists as long as this callback runs.
    let context = unsafe { DRIVER_CONTEXT.get::<DriverContext>(driver.cast()) };
    // SAFETY: the context lives as long as the driver object, which the framework
    // passes in; only `DriverEntry` writes it.
    let device = unsafe { (*context).device };
    if !device.is_null() {
        let object: WDFOBJECT = device.cast();
        // SAFETY: the device was created by `DriverEntry` and is deleted only here.
        unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, object) };
    }
    trace::stopped();
}
