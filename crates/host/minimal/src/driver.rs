//! `DriverEntry`, unload, and the one control code.

use core::{ptr, slice};
use wdk_sys::{
    _WDF_DRIVER_INIT_FLAGS::WdfDriverInitNonPnpDriver, _WDF_REQUEST_TYPE::WdfRequestTypeDeviceControl,
    NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, PVOID, STATUS_BUFFER_TOO_SMALL,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS, UNICODE_STRING,
    WDF_DRIVER_CONFIG, WDF_REQUEST_PARAMETERS, WDFDEVICE, WDFDRIVER, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

/// `CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_READ_DATA)`.
const REVERSE: u32 = 0x0022_6000;

static DEVICE: [u16; 15] = wide(r"\Device\Minimal");
static LINK: [u16; 19] = wide(r"\DosDevices\Minimal");
/// SYSTEM and administrators.
static SDDL: [u16; 27] = wide("D:P(A;;GA;;;SY)(A;;GA;;;BA)");

const fn wide<const N: usize>(text: &str) -> [u16; N] {
    let mut wide = [0; N];
    let mut i = 0;
    while i < N {
        wide[i] = text.as_bytes()[i] as u16;
        i += 1;
    }
    wide
}

/// A string of the kernel's, for a call that only reads it.
#[allow(clippy::cast_possible_truncation)] // a few dozen bytes
fn unicode(text: &'static [u16]) -> UNICODE_STRING {
    let bytes = size_of_val(text) as u16;
    UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: text.as_ptr().cast_mut() }
}

fn check(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if wdk::nt_success(status) { Ok(()) } else { Err(status) }
}

/// Starts the driver. When it fails, the framework deletes what was made.
///
/// # Safety
/// Called once, by the framework's entry point, with the driver object and the registry path that
/// the I/O manager passed to it.
#[unsafe(export_name = "DriverEntry")]
unsafe extern "system" fn driver_entry(driver: PDRIVER_OBJECT, registry_path: PCUNICODE_STRING) -> NTSTATUS {
    let mut config = WDF_DRIVER_CONFIG {
        #[allow(clippy::cast_possible_truncation)] // 32 bytes
        Size: size_of::<WDF_DRIVER_CONFIG>() as u32,
        EvtDriverUnload: Some(evt_driver_unload),
        DriverInitFlags: WdfDriverInitNonPnpDriver as u32,
        ..WDF_DRIVER_CONFIG::default()
    };
    let mut handle: WDFDRIVER = ptr::null_mut();
    // SAFETY: the caller passes on what the I/O manager gave it; the other pointers are to locals.
    let created = unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDriverCreate,
            driver,
            registry_path,
            ptr::null_mut(),
            &raw mut config,
            &raw mut handle
        )
    };
    check(created).and_then(|()| create_device(handle)).err().unwrap_or(STATUS_SUCCESS)
}

fn create_device(driver: WDFDRIVER) -> Result<(), NTSTATUS> {
    let (device_name, link, sddl) = (unicode(&DEVICE), unicode(&LINK), unicode(&SDDL));
    // SAFETY: `driver` is the framework's driver object, `sddl` a local.
    let mut init =
        unsafe { call_unsafe_wdf_function_binding!(WdfControlDeviceInitAllocate, driver, &raw const sddl) };
    if init.is_null() {
        return Err(STATUS_INSUFFICIENT_RESOURCES);
    }
    // SAFETY: the init is not yet consumed, `device_name` is a local.
    let named =
        unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitAssignName, init, &raw const device_name) };
    // SAFETY: the init is not yet consumed, the callback has the type it asks for.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceInitSetIoInCallerContextCallback,
            init,
            Some(evt_io_in_caller_context)
        );
    }
    let mut device: WDFDEVICE = ptr::null_mut();
    let created = check(named).and_then(|()| {
        // SAFETY: the init is configured; on success the framework takes it over.
        check(unsafe {
            call_unsafe_wdf_function_binding!(
                WdfDeviceCreate,
                &raw mut init,
                ptr::null_mut(),
                &raw mut device
            )
        })
    });
    if let Err(status) = created {
        // SAFETY: no device was made of it.
        unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitFree, init) };
        return Err(status);
    }
    // SAFETY: the device was just created, `link` is a local.
    check(unsafe {
        call_unsafe_wdf_function_binding!(WdfDeviceCreateSymbolicLink, device, &raw const link)
    })?;
    // SAFETY: the device is completely set up.
    unsafe { call_unsafe_wdf_function_binding!(WdfControlFinishInitializing, device) };
    Ok(())
}

/// The framework deletes the device with the driver object.
extern "C" fn evt_driver_unload(_driver: WDFDRIVER) {}

/// Completes every request on the thread that sent it.
extern "C" fn evt_io_in_caller_context(_device: WDFDEVICE, request: WDFREQUEST) {
    let (status, information) = match reverse(request) {
        Ok(length) => (STATUS_SUCCESS, length as u64),
        Err(status) => (status, 0),
    };
    // SAFETY: the framework hands each request to this callback once, and it is completed here.
    unsafe {
        call_unsafe_wdf_function_binding!(WdfRequestCompleteWithInformation, request, status, information);
    }
}

/// Turns the input round, in the buffer that is also the output; returns its length.
fn reverse(request: WDFREQUEST) -> Result<usize, NTSTATUS> {
    let mut parameters = WDF_REQUEST_PARAMETERS {
        #[allow(clippy::cast_possible_truncation)] // 40 bytes
        Size: size_of::<WDF_REQUEST_PARAMETERS>() as u16,
        ..WDF_REQUEST_PARAMETERS::default()
    };
    // SAFETY: the request is not completed; the pointer is to a local.
    unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetParameters, request, &raw mut parameters) };
    if parameters.Type != WdfRequestTypeDeviceControl {
        return Err(STATUS_INVALID_DEVICE_REQUEST);
    }
    // SAFETY: the type determines which member of the union was written.
    let control = unsafe { parameters.Parameters.DeviceIoControl };
    if control.IoControlCode != REVERSE {
        return Err(STATUS_INVALID_DEVICE_REQUEST);
    }
    let length = control.InputBufferLength;
    if control.OutputBufferLength < length {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    let mut buffer: PVOID = ptr::null_mut();
    // SAFETY: the request is not completed; the pointers are to locals.
    check(unsafe {
        call_unsafe_wdf_function_binding!(
            WdfRequestRetrieveOutputBuffer,
            request,
            length,
            &raw mut buffer,
            ptr::null_mut()
        )
    })?;
    // SAFETY: METHOD_BUFFERED: the one buffer is the kernel's, holds the input, and is as long as
    // the longer of both sides.
    let bytes = unsafe { slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
    bytes.reverse();
    Ok(length)
}
