//! The driver's device, and requests to it: to the image in the host.

use crate::call;
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use crate::running::Machine;
use psimp_host::{Failure, File, Host, IoControl, Open};
use psimp_model::{SecurityQos, Thread};
use psimp_nt::Status;
use psimp_protocol::LINK_NAME;
use psimp_windows::rights::SYNCHRONIZE;
pub use psimp_windows::values::Waiting;
use std::sync::{Arc, Weak};

/// An open of the device, which its last handle closes.
pub(crate) struct Opened {
    file: Option<File>,
    machine: Weak<Machine>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        let (Some(file), Some(machine)) = (self.file.take(), self.machine.upgrade()) else { return };
        let Some(host) = &machine.host else { return };
        if let Err(failure) = host.close(&machine.closer, file) {
            machine.status_of(failure);
        }
    }
}

/// Opens the device, or a name below it, as the calling thread.
fn opened(
    access: u32,
    open: impl FnOnce(&Host, &Arc<Thread>) -> Result<File, Failure>,
) -> Result<Device, Status> {
    let call = call::enter();
    let machine = call.machine();
    let host = machine.host.as_ref().ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
    let file = open(host, call.thread()).map_err(|failure| machine.status_of(failure))?;
    let opened = Opened { file: Some(file), machine: Arc::downgrade(machine) };
    let number = call.process().insert(Arc::new(opened), access);
    Ok(Device::given(OwnedHandle::new(call.process(), number)))
}

/// An open device.
#[derive(Debug)]
pub struct Device {
    file: OwnedHandle,
    waiting: Waiting,
}

impl Device {
    /// Opens the device with this access, in the calling thread's current security context.
    ///
    /// # Errors
    /// `STATUS_OBJECT_NAME_NOT_FOUND` without the driver; those of the open.
    pub fn open(access: u32, waiting: Waiting) -> Result<Self, Status> {
        let access = if waiting == Waiting::Kernel { access | SYNCHRONIZE } else { access };
        let opened = opened(access, |host, thread| host.open_with(thread, &Open::new(LINK_NAME, access)))?;
        Ok(Self { waiting, ..opened })
    }

    /// Opens a name below the device, with a quality of service as `NtCreateFile` takes it.
    ///
    /// # Errors
    /// Those of the open.
    pub fn open_name(name: &str, access: u32, quality: Option<&SecurityQos>) -> Result<Self, Status> {
        let name = format!("{LINK_NAME}{name}");
        let desired = access | SYNCHRONIZE;
        opened(desired, |host, thread| {
            host.open_with(thread, &Open { name: &name, desired, quality: quality.copied() })
        })
    }

    /// Opens a name relative to this handle.
    ///
    /// # Errors
    /// Those of the open.
    pub fn open_relative(&self, name: &str, access: u32) -> Result<Self, Status> {
        let desired = access | SYNCHRONIZE;
        let call = call::enter();
        let root = self.opened(&call)?;
        let root = root.file.as_ref().ok_or(Status::INVALID_HANDLE)?;
        opened(desired, |host, thread| host.open_relative(thread, root, &Open::new(name, desired)))
    }

    /// The device by a synchronous handle that another process has opened.
    pub const fn given(file: OwnedHandle) -> Self {
        Self { file, waiting: Waiting::Kernel }
    }

    /// Cancels the requests in flight on this handle.
    ///
    /// # Errors
    /// `STATUS_NOT_FOUND` if there is none.
    pub fn cancel(&self) -> Result<(), Status> {
        let call = call::enter();
        let (machine, opened) = (call.machine(), self.opened(&call)?);
        let (Some(host), Some(file)) = (&machine.host, &opened.file) else {
            return Err(Status::INVALID_HANDLE);
        };
        host.cancel(file).map_err(|failure| machine.status_of(failure))
    }

    fn opened(&self, call: &call::Call) -> Result<Arc<Opened>, Status> {
        call.process().thing(self.file.number()).ok_or(Status::INVALID_HANDLE)
    }

    /// Sends a request and waits for it; returns how many bytes of `output` the driver wrote.
    ///
    /// # Errors
    /// The status with which the request was completed or the I/O manager refused it.
    pub fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Status> {
        let call = call::enter().inside_a_case();
        let machine = call.machine();
        let opened = self.opened(&call)?;
        let (Some(host), Some(file)) = (&machine.host, &opened.file) else {
            return Err(Status::INVALID_HANDLE);
        };
        let request = IoControl::new(code, input);
        let failed = |failure| machine.status_of(failure);
        match self.waiting {
            Waiting::Kernel => host.device_io_control(call.thread(), file, &request, output).map_err(failed),
            Waiting::Caller => {
                let pending = host.begin_io_control(call.thread(), file, &request, output.len());
                pending.map_err(failed)?.deliver(output)
            }
        }
    }
}

impl AsHandle for Device {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.file.as_handle()
    }
}
