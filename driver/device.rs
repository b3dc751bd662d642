//! The control device, and the callback for its requests.

use crate::clients;
use crate::file;
use crate::kernel;
use crate::nt_kernel::NtKernel;
use crate::request::Request;
use crate::settings;
use crate::trace;
use crate::wdf::{Device, Name};
use core::ptr;
use psimp_nt::Status;
use psimp_protocol::{CLIENTS_SDDL, DEVICE_NAME, DEVICE_SDDL, LINK_NAME};
use psimp_service::{Caller, Reply};
use wdk_sys::{
    NTSTATUS, STATUS_INSUFFICIENT_RESOURCES, WDFDEVICE, WDFDEVICE_INIT, WDFDRIVER, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

static NAME: Name<{ DEVICE_NAME.len() }> = Name::new(DEVICE_NAME);
static LINK: Name<{ LINK_NAME.len() }> = Name::new(LINK_NAME);
static SDDL: Name<{ DEVICE_SDDL.len() }> = Name::new(DEVICE_SDDL);
static SDDL_WITH_CLIENTS: Name<{ CLIENTS_SDDL.len() }> = Name::new(CLIENTS_SDDL);

/// A device init that is freed unless a device is created from it.
struct DeviceInit(*mut WDFDEVICE_INIT);

impl Drop for DeviceInit {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: not null, so WdfDeviceCreate has not taken it over.
            unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitFree, self.0) };
        }
    }
}

/// Creates `\Device\PsImpersonate` and its link, and enables requests.
///
/// The framework opens securely (`FILE_DEVICE_SECURE_OPEN`) by itself, so the
/// descriptor covers every name below the device too. Where it admits clients, `psimp_service::open`
/// checks again who may serve. `PASSIVE_LEVEL`.
///
/// # Errors
/// The framework's error; a device that was created by then is deleted with
/// the driver object.
///
/// # Safety
/// `driver` is the framework's driver object; called once, by `DriverEntry`.
pub(crate) unsafe fn create(driver: WDFDRIVER) -> Result<(), NTSTATUS> {
    // SAFETY: promised by the caller.
    let every_user = unsafe { settings::every_user_may_connect(driver) };
    let sddl = if every_user { SDDL_WITH_CLIENTS.unicode() } else { SDDL.unicode() };
    // SAFETY: `driver` is promised by the caller, `sddl` is a local.
    let init = DeviceInit(unsafe {
        call_unsafe_wdf_function_binding!(WdfControlDeviceInitAllocate, driver, &raw const sddl)
    });
    if init.0.is_null() {
        return Err(STATUS_INSUFFICIENT_RESOURCES);
    }
    let name = NAME.unicode();
    // SAFETY: the init is not yet consumed, `name` is a local.
    check(unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitAssignName, init.0, &raw const name) })?;
    // SAFETY: the init is not yet consumed, the callback has the type it asks for.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceInitSetIoInCallerContextCallback,
            init.0,
            Some(evt_io_in_caller_context)
        );
    }
    // SAFETY: the init is not yet consumed.
    unsafe { file::configure(init.0) };
    finish(init, every_user)
}

fn finish(mut init: DeviceInit, every_user: bool) -> Result<(), NTSTATUS> {
    let mut attributes = clients::attributes();
    let mut device: WDFDEVICE = ptr::null_mut();
    // SAFETY: the init is configured; on success the framework sets our pointer
    // to null, so that it is not freed again.
    check(unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceCreate,
            &raw mut init.0,
            &raw mut attributes,
            &raw mut device
        )
    })?;
    // SAFETY: the driver's one device.
    let prepared = unsafe { Device::new(device) };
    // SAFETY: called once; the device cannot be opened before it is completely set up, below.
    unsafe { clients::prepare(prepared, every_user) }?;
    let link = LINK.unicode();
    // SAFETY: the device was just created, `link` is a local.
    check(unsafe {
        call_unsafe_wdf_function_binding!(WdfDeviceCreateSymbolicLink, device, &raw const link)
    })?;
    // SAFETY: the device is completely set up.
    unsafe { call_unsafe_wdf_function_binding!(WdfControlFinishInitializing, device) };
    Ok(())
}

fn check(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if wdk::nt_success(status) { Ok(()) } else { Err(status) }
}

/// Completes every request, on the thread that sent it.
///
/// The framework calls this in the requester's context before any queue, at the
/// requester's IRQL and without synchronisation. At `APC_LEVEL` and below it is in a critical region:
/// normal kernel APCs wait, so the thread is not suspended half-way, and special ones are delivered. No
/// request is enqueued, so none is cancelled half-way.
///
/// The framework has marked the request pending and returns `STATUS_PENDING`, although the request is
/// completed here: the I/O manager waits for a synchronous handle, and gives the caller of an
/// overlapped one the result with the completion.
extern "C" fn evt_io_in_caller_context(device: WDFDEVICE, request: WDFREQUEST) {
    // SAFETY: the callback is of this driver's one device.
    let device = unsafe { Device::new(device) };
    // SAFETY: the framework passes each request to this callback once, and nothing else in the
    // driver has its handle.
    let request = unsafe { Request::new(request) };
    let mut reply = Reply::EMPTY;
    let result = device_control(device, &request, &mut reply);
    request.complete(result.map(|()| reply.as_bytes()));
}

/// Passes a device control request to the service; returns the result to complete it with.
fn device_control(device: Device, request: &Request, reply: &mut Reply) -> Result<(), Status> {
    // First: the functions below require `PASSIVE_LEVEL`.
    if !kernel::is_passive_level() {
        return Err(Status::INVALID_DEVICE_STATE);
    }
    let control = request.device_control()?;
    let file = request.file_object();
    let opened_file = file.is_some_and(file::opened_by_caller);
    let caller = Caller { from_user_mode: request.is_from_user_mode(), opened_file };
    let input = request.input(&control)?;
    // Before any change: afterwards the request must not fail.
    let room = request.prepare_output(&control);
    let kernel = NtKernel::new(device, file);
    let result = psimp_service::dispatch(&kernel, caller, control.code, input, room, reply);
    trace::operation(control.code, input, result.map(|()| reply.as_bytes()));
    result
}
