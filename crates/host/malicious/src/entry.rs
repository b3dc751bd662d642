//! `DriverEntry` and the callbacks: the code around the defects breaks no rule.

use crate::call::Call;
use crate::defect::{Defect, When};
use crate::state::{CALLBACK, DEVICE, FILE_CONTEXT};
use crate::table;
use crate::wdf::{self, NO_ATTRIBUTES, Name};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use core::{mem, ptr, slice};
use wdk_sys::ntddk::ObfDereferenceObject;
use wdk_sys::{
    _WDF_DRIVER_INIT_FLAGS::WdfDriverInitNonPnpDriver,
    _WDF_FILEOBJECT_CLASS::WdfFileObjectWdfCannotUseFsContexts, _WDF_TRI_STATE::WdfUseDefault, DRIVER_OBJECT,
    NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS,
    WDF_DRIVER_CONFIG, WDF_FILEOBJECT_CONFIG, WDFDEVICE, WDFDEVICE_INIT, WDFDRIVER, WDFFILEOBJECT,
    WDFREQUEST, call_unsafe_wdf_function_binding,
};

static NAME: Name<17> = Name::new(r"\Device\Malicious");
static SDDL: Name<27> = Name::new("D:P(A;;GA;;;SY)(A;;GA;;;BA)");

static DRIVER_OBJECT: AtomicPtr<DRIVER_OBJECT> = AtomicPtr::new(ptr::null_mut());
/// The index in the table, plus one, of the pending defect.
static ARMED: AtomicUsize = AtomicUsize::new(0);

/// Functions of our control codes: the list of defects, a request that breaks
/// nothing, and from here on the defects.
const LIST: u32 = 0x800;
const WELL_BEHAVED: u32 = 0x801;
const FIRST_DEFECT: u32 = 0x810;

/// # Safety
/// Called once, by the framework's entry point, with the driver object and the
/// registry path that the I/O manager passed to it.
#[unsafe(export_name = "DriverEntry")]
unsafe extern "system" fn driver_entry(driver: PDRIVER_OBJECT, registry_path: PCUNICODE_STRING) -> NTSTATUS {
    let mut config = WDF_DRIVER_CONFIG {
        Size: wdf::size_of_config::<WDF_DRIVER_CONFIG>(),
        EvtDriverUnload: Some(evt_driver_unload),
        DriverInitFlags: WdfDriverInitNonPnpDriver as u32,
        ..WDF_DRIVER_CONFIG::default()
    };
    let mut handle: WDFDRIVER = ptr::null_mut();
    // SAFETY: the caller passes the I/O manager's arguments; the other pointers
    // are to locals that outlive the call.
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
        return status;
    }
    DRIVER_OBJECT.store(driver, Ordering::Relaxed);
    let call = Call::new(driver, handle);
    // SAFETY: the path is the I/O manager's, and there until this returns.
    let service = unsafe { service(registry_path) };
    let started = |defect: &&Defect| {
        defect.when == When::Start && service.iter().copied().eq(defect.name.bytes().map(u16::from))
    };
    if let Some(defect) = table::all().find(started) {
        (defect.run)(&call);
    }
    if !wdk::nt_success(call.status.get()) {
        return call.status.get();
    }
    create_device(handle)
}

/// The last part of the registry path.
///
/// # Safety
/// `path` is a string that lives as long as what is returned.
unsafe fn service<'a>(path: PCUNICODE_STRING) -> &'a [u16] {
    // SAFETY: promised by the caller.
    let path = unsafe { &*path };
    // SAFETY: promised by the caller.
    let characters = unsafe { slice::from_raw_parts(path.Buffer, usize::from(path.Length) / 2) };
    characters.rsplit(|&character| character == u16::from(b'\\')).next().unwrap_or_default()
}

/// `EVT_WDF_IO_IN_CALLER_CONTEXT`.
type Callback = extern "C" fn(WDFDEVICE, WDFREQUEST);

fn create_device(driver: WDFDRIVER) -> NTSTATUS {
    let (name, sddl) = (NAME.unicode(), SDDL.unicode());
    // SAFETY: `driver` is the framework's driver object, `sddl` a local.
    let mut init =
        unsafe { call_unsafe_wdf_function_binding!(WdfControlDeviceInitAllocate, driver, &raw const sddl) };
    // SAFETY: the init is not yet consumed, `name` is a local.
    let _ = unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitAssignName, init, &raw const name) };
    let data = CALLBACK.load(Ordering::Relaxed);
    let mut callback: Callback = evt_io_in_caller_context;
    if !data.is_null() {
        // SAFETY: none; this breaks the rule that callbacks are functions.
        callback = unsafe { mem::transmute::<*mut core::ffi::c_void, Callback>(data) };
    }
    // SAFETY: the init is not yet consumed.
    unsafe {
        call_unsafe_wdf_function_binding!(WdfDeviceInitSetIoInCallerContextCallback, init, Some(callback));
    }
    configure_files(init);
    let mut device: WDFDEVICE = ptr::null_mut();
    // SAFETY: the init is configured, and consumed here.
    let status = unsafe {
        call_unsafe_wdf_function_binding!(WdfDeviceCreate, &raw mut init, NO_ATTRIBUTES, &raw mut device)
    };
    if wdk::nt_success(status) {
        DEVICE.store(device.cast(), Ordering::Relaxed);
        // SAFETY: the device is completely set up.
        unsafe { call_unsafe_wdf_function_binding!(WdfControlFinishInitializing, device) };
    }
    status
}

fn configure_files(init: *mut WDFDEVICE_INIT) {
    let mut config = WDF_FILEOBJECT_CONFIG {
        Size: wdf::size_of_config::<WDF_FILEOBJECT_CONFIG>(),
        EvtDeviceFileCreate: Some(evt_device_file_create),
        EvtFileClose: None,
        EvtFileCleanup: Some(evt_file_cleanup),
        AutoForwardCleanupClose: WdfUseDefault,
        FileObjectClass: WdfFileObjectWdfCannotUseFsContexts,
    };
    let mut attributes = FILE_CONTEXT.attributes();
    // SAFETY: the caller's init is not yet consumed; the framework copies both
    // locals.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceInitSetFileObjectConfig,
            init,
            &raw mut config,
            &raw mut attributes
        );
    }
}

extern "C" fn evt_io_in_caller_context(_device: WDFDEVICE, request: WDFREQUEST) {
    let mut call = call();
    call.request = request;
    // SAFETY: the request is not completed.
    call.file = unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetFileObject, request) };
    let parameters = call.parameters();
    // SAFETY: only device control requests are sent.
    let code = unsafe { parameters.Parameters.DeviceIoControl }.IoControlCode;
    serve(&call, code >> 2 & 0xFFF);
    if !call.is_settled() {
        call.complete(STATUS_SUCCESS, 0);
    }
}

fn serve(call: &Call, function: u32) {
    match function {
        LIST => {
            let (buffer, length) = call.buffer();
            // SAFETY: the output buffer, which no other code uses until the
            // request is completed.
            let buffer = unsafe { slice::from_raw_parts_mut(buffer, length) };
            let written = table::list(buffer).unwrap_or(0);
            call.complete(STATUS_SUCCESS, written as u64);
        }
        WELL_BEHAVED => well_behaved(call),
        _ => {
            let place = function.wrapping_sub(FIRST_DEFECT) as usize;
            match table::all().nth(place) {
                Some(defect) if defect.when == When::Control => (defect.run)(call),
                Some(_) => ARMED.store(place + 1, Ordering::Relaxed),
                None => call.complete(STATUS_INVALID_DEVICE_REQUEST, 0),
            }
        }
    }
}

/// Takes a reference, releases it, and returns the input.
fn well_behaved(call: &Call) {
    let token = call.token();
    let (buffer, length) = call.buffer();
    if token.is_null() || length < size_of::<u64>() {
        return call.complete(STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    // SAFETY: the reference is the one just taken.
    unsafe { ObfDereferenceObject(token) };
    let answer = !call.input();
    // SAFETY: the output buffer has eight bytes, and the input was read.
    unsafe { buffer.cast::<u64>().write_unaligned(answer) };
    call.complete(STATUS_SUCCESS, size_of::<u64>() as u64);
}

extern "C" fn evt_device_file_create(_device: WDFDEVICE, request: WDFREQUEST, file: WDFFILEOBJECT) {
    let mut call = call();
    (call.request, call.file) = (request, file);
    run_armed(&call, When::Create);
    if !call.is_settled() {
        call.complete(STATUS_SUCCESS, 0);
    }
}

extern "C" fn evt_file_cleanup(file: WDFFILEOBJECT) {
    let mut call = call();
    call.file = file;
    run_armed(&call, When::Cleanup);
}

extern "C" fn evt_driver_unload(driver: WDFDRIVER) {
    let mut call = call();
    call.driver = driver;
    run_armed(&call, When::Unload);
    // SAFETY: the device was created by DriverEntry and is deleted nowhere else.
    unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, DEVICE.load(Ordering::Relaxed)) };
}

/// Runs the pending defect, if this is its callback.
fn run_armed(call: &Call, when: When) {
    let Some(place) = ARMED.load(Ordering::Relaxed).checked_sub(1) else { return };
    if let Some(defect) = table::all().nth(place).filter(|defect| defect.when == when) {
        ARMED.store(0, Ordering::Relaxed);
        (defect.run)(call);
    }
}

fn call() -> Call {
    Call::new(DRIVER_OBJECT.load(Ordering::Relaxed), ptr::null_mut())
}
