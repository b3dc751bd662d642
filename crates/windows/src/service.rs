//! The service of a kernel driver, through the service control manager.
//!
//! Every function opens the handles that it needs and closes them again: a service that is marked for
//! deletion is removed when its last handle is closed.
#![allow(unsafe_code)] // Win32 calls

use crate::Error;
use crate::wide::wide;
use std::ptr::{null, null_mut};
use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_SERVICE_DOES_NOT_EXIST};
use windows_sys::Win32::System::Services::{
    ChangeServiceConfig2W, CloseServiceHandle, ControlService, CreateServiceW, DeleteService, OpenSCManagerW,
    OpenServiceW, QUERY_SERVICE_CONFIGW, QueryServiceConfigW, QueryServiceStatus, SC_HANDLE,
    SC_MANAGER_CONNECT, SC_MANAGER_CREATE_SERVICE, SERVICE_CHANGE_CONFIG, SERVICE_CONFIG_DESCRIPTION,
    SERVICE_CONTROL_STOP, SERVICE_DEMAND_START, SERVICE_DESCRIPTIONW, SERVICE_ERROR_NORMAL,
    SERVICE_KERNEL_DRIVER, SERVICE_QUERY_CONFIG, SERVICE_QUERY_STATUS, SERVICE_START, SERVICE_STATUS,
    SERVICE_STOP, StartServiceW,
};

/// `DELETE`, for a service.
const DELETE: u32 = 0x1_0000;

/// The [`Error::call`] of a refusal by the manager itself.
pub const OPEN_MANAGER: &str = "OpenSCManagerW";
/// The [`Error::call`] of a service that could not be opened.
pub const OPEN_SERVICE: &str = "OpenServiceW";

/// What the service control manager reports about a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `lpBinaryPathName`.
    pub image: String,
    /// `dwServiceType`.
    pub service_type: u32,
    /// `dwStartType`.
    pub start_type: u32,
    /// `dwCurrentState`.
    pub state: u32,
}

impl Service {
    /// A kernel driver that is started on demand.
    pub const fn driver_on_demand(&self) -> bool {
        self.service_type == SERVICE_KERNEL_DRIVER && self.start_type == SERVICE_DEMAND_START
    }
}

/// A service; `None` if there is none with this name.
///
/// # Errors
/// The error that Windows returns.
pub fn query(name: &str) -> Result<Option<Service>, Error> {
    let service = match open(name, SERVICE_QUERY_CONFIG | SERVICE_QUERY_STATUS) {
        Ok(service) => service,
        Err(error) if error == Error::win32(OPEN_SERVICE, ERROR_SERVICE_DOES_NOT_EXIST) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut status = SERVICE_STATUS::default();
    // SAFETY: the handle is open, and the place for the status is borrowed for the call.
    let done = unsafe { QueryServiceStatus(service.0, &raw mut status) };
    if done == 0 {
        return Err(Error::last("QueryServiceStatus"));
    }
    let (image, service_type, start_type) = configuration(&service)?;
    Ok(Some(Service { image, service_type, start_type, state: status.dwCurrentState }))
}

/// Creates the service of a kernel driver that is started on demand.
///
/// # Errors
/// The error that Windows returns.
pub fn create(name: &str, display_name: &str, image: &str) -> Result<(), Error> {
    let manager = manager(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE)?;
    let [name, display_name, image] = [name, display_name, image].map(wide);
    // SAFETY: the handle is open, and the texts end with a zero and live until the call returns.
    let service = unsafe {
        CreateServiceW(
            manager.0,
            name.as_ptr(),
            display_name.as_ptr(),
            SERVICE_QUERY_STATUS,
            SERVICE_KERNEL_DRIVER,
            SERVICE_DEMAND_START,
            SERVICE_ERROR_NORMAL,
            image.as_ptr(),
            null(),
            null_mut(),
            null(),
            null(),
            null(),
        )
    };
    // SAFETY: the handle is from that call.
    unsafe { Handle::own("CreateServiceW", service) }.map(drop)
}

/// Gives a service a description.
///
/// # Errors
/// The error that Windows returns.
pub fn describe(name: &str, description: &str) -> Result<(), Error> {
    let service = open(name, SERVICE_CHANGE_CONFIG)?;
    let mut text = wide(description);
    let description = SERVICE_DESCRIPTIONW { lpDescription: text.as_mut_ptr() };
    // SAFETY: the handle is open; the description and its text, which ends with a zero, live until the call
    // returns.
    let done = unsafe {
        ChangeServiceConfig2W(service.0, SERVICE_CONFIG_DESCRIPTION, (&raw const description).cast())
    };
    checked("ChangeServiceConfig2W", done)
}

/// Starts a service: loads the driver.
///
/// # Errors
/// The error that Windows returns.
pub fn start(name: &str) -> Result<(), Error> {
    let service = open(name, SERVICE_START)?;
    // SAFETY: the handle is open, and there are no arguments.
    checked("StartServiceW", unsafe { StartServiceW(service.0, 0, null()) })
}

/// Requests the stop of a service: the driver is unloaded once its device is no longer open.
///
/// # Errors
/// The error that Windows returns.
pub fn stop(name: &str) -> Result<(), Error> {
    let service = open(name, SERVICE_STOP)?;
    let mut status = SERVICE_STATUS::default();
    // SAFETY: the handle is open, and the place for the status is borrowed for the call.
    checked("ControlService", unsafe { ControlService(service.0, SERVICE_CONTROL_STOP, &raw mut status) })
}

/// Marks a service for deletion.
///
/// # Errors
/// The error that Windows returns.
pub fn delete(name: &str) -> Result<(), Error> {
    let service = open(name, DELETE)?;
    // SAFETY: the handle is open.
    checked("DeleteService", unsafe { DeleteService(service.0) })
}

/// An open service, or the manager.
struct Handle(SC_HANDLE);

impl Handle {
    /// The handle that a call created.
    ///
    /// # Safety
    /// It is null, or it is open and no other code closes it.
    unsafe fn own(call: &'static str, handle: SC_HANDLE) -> Result<Self, Error> {
        if handle.is_null() { Err(Error::last(call)) } else { Ok(Self(handle)) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and nothing else owns it.
        unsafe { CloseServiceHandle(self.0) };
    }
}

fn manager(access: u32) -> Result<Handle, Error> {
    // SAFETY: without names it is this machine's active database.
    let manager = unsafe { OpenSCManagerW(null(), null(), access) };
    // SAFETY: the handle is from that call.
    unsafe { Handle::own(OPEN_MANAGER, manager) }
}

fn open(name: &str, access: u32) -> Result<Handle, Error> {
    let manager = manager(SC_MANAGER_CONNECT)?;
    let name = wide(name);
    // SAFETY: the handle is open, and the name ends with a zero.
    let service = unsafe { OpenServiceW(manager.0, name.as_ptr(), access) };
    // SAFETY: the handle is from that call.
    unsafe { Handle::own(OPEN_SERVICE, service) }
}

/// Image path, type and start type.
fn configuration(service: &Handle) -> Result<(String, u32, u32), Error> {
    let call = "QueryServiceConfigW";
    // 8 KB is the most that the structure and its texts need, according to its documentation.
    let mut words = vec![0_u64; 1024];
    let length = u32::try_from(words.len() * 8).unwrap_or(0);
    let mut needed = 0;
    let configuration: *mut QUERY_SERVICE_CONFIGW = words.as_mut_ptr().cast();
    // SAFETY: the handle is open; the buffer is aligned and has the given length.
    let done = unsafe { QueryServiceConfigW(service.0, configuration, length, &raw mut needed) };
    checked(call, done)?;
    // SAFETY: the call filled in the structure at the start of the buffer, which is aligned for it.
    let answer = unsafe { configuration.read() };
    let offset = answer.lpBinaryPathName.addr().checked_sub(words.as_ptr().addr());
    let units = words.iter().flat_map(|&word| {
        [0, 16, 32, 48].map(|shift| u16::try_from((word >> shift) & 0xFFFF).unwrap_or_default())
    });
    let path = units.skip(offset.ok_or(Error::win32(call, ERROR_INSUFFICIENT_BUFFER))? / 2);
    let path: Vec<u16> = path.take_while(|&unit| unit != 0).collect();
    Ok((String::from_utf16_lossy(&path), answer.dwServiceType, answer.dwStartType))
}

fn checked(call: &'static str, done: i32) -> Result<(), Error> {
    if done == 0 { Err(Error::last(call)) } else { Ok(()) }
}
