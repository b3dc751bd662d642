//! The driver's device, and requests to it: to the image in the host.

use crate::call;
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use crate::rehearsal::{Machine, status_of};
use crate::running::Thing;
use psimp_host::{File, IoControl, Open};
use psimp_nt::Status;
use psimp_protocol::LINK_NAME;
use psimp_windows::rights::SYNCHRONIZE;
use std::sync::{Arc, Weak};

/// The component that waits for a pending request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The I/O manager, on a synchronous handle.
    Kernel,
    /// The caller, on an event: an overlapped handle.
    Caller,
}

/// An open of the device, which its last handle closes.
pub(crate) struct Opened {
    file: Option<File>,
    machine: Weak<Machine>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        let (Some(file), Some(machine)) = (self.file.take(), self.machine.upgrade()) else { return };
        let Some(host) = &machine.host else { return };
        if let Err(failure) = host.close(machine.closer(), file) {
            status_of(&machine, failure);
        }
    }
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
        let call = call::enter();
        let machine = call.machine();
        let host = machine.host.as_ref().ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
        let access = if waiting == Waiting::Kernel { access | SYNCHRONIZE } else { access };
        let opened = host.open_with(call.thread(), &Open::new(LINK_NAME, access));
        let file = opened.map_err(|failure| status_of(machine, failure))?;
        let opened = Opened { file: Some(file), machine: Arc::downgrade(machine) };
        let number = call.process().insert(Thing::Device(Arc::new(opened)), access);
        Ok(Self { file: OwnedHandle::new(call.process(), number), waiting })
    }

    /// Sends a request and waits for it; returns how many bytes of `output` the driver wrote.
    ///
    /// # Errors
    /// The status with which the request was completed or the I/O manager refused it.
    pub fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Status> {
        let call = call::enter().inside_a_case();
        let machine = call.machine();
        let Some(Thing::Device(opened)) = call.process().thing(self.file.number()) else {
            return Err(Status::INVALID_HANDLE);
        };
        let (Some(host), Some(file)) = (&machine.host, &opened.file) else {
            return Err(Status::INVALID_HANDLE);
        };
        let request = IoControl::new(code, input);
        let failed = |failure| status_of(machine, failure);
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
