//! The requests that a caller sends to the driver.

use crate::{EventLog, Listener, Observer};
use psimp_model::SecurityQos;
use psimp_nt::Status;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The processor mode that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requestor {
    /// A program.
    User,
    /// Another driver.
    Kernel,
}

/// The parameters of an open: the arguments of `NtCreateFile`.
#[derive(Clone, Copy, Debug)]
pub struct Open<'a> {
    /// Name or link of a device. A backslash and what follows it are the name of the file
    /// object, which the driver reads.
    pub name: &'a str,
    /// The access asked for; generic rights are those of files.
    pub desired: u32,
    /// The quality of service from `OBJECT_ATTRIBUTES`, as the caller passed it and not
    /// validated.
    pub quality: Option<SecurityQos>,
}

impl<'a> Open<'a> {
    /// An open without quality of service.
    pub fn new(name: &'a str, desired: u32) -> Self {
        Self { name, desired, quality: None }
    }
}

/// A device control request.
#[derive(Clone, Copy, Debug)]
pub struct IoControl<'a> {
    /// The control code.
    pub code: u32,
    /// The input buffer.
    pub input: &'a [u8],
    /// The processor mode that it comes from.
    pub requestor: Requestor,
    /// The interrupt request level at which the driver receives it.
    pub irql: u8,
    /// The content of uninitialised memory: two requests that differ only in this must have the
    /// same reply; otherwise the driver returned bytes that it never wrote. It is used for the
    /// system buffer and the driver's stack.
    pub stale: u8,
}

impl<'a> IoControl<'a> {
    /// A request of a program: user mode, `PASSIVE_LEVEL`.
    pub fn new(code: u32, input: &'a [u8]) -> Self {
        Self { code, input, requestor: Requestor::User, irql: 0, stale: 0 }
    }
}

/// A request on an overlapped handle, whose completion is not delivered yet.
#[derive(Debug)]
#[must_use = "the caller learns the result from it"]
pub struct Pending {
    pub(crate) status: Status,
    pub(crate) reply: Vec<u8>,
}

impl Pending {
    /// Delivers the completion, as the I/O manager's APC does: writes the reply to the caller's output
    /// buffer, as much as fits, and returns how many bytes it wrote.
    ///
    /// # Errors
    /// The status that the driver completed the request with; nothing is written.
    pub fn deliver(self, output: &mut [u8]) -> Result<usize, Status> {
        self.status.ok()?;
        let written = output.iter_mut().zip(self.reply).map(|(to, from)| *to = from);
        Ok(written.count())
    }
}

/// Options for running a driver.
#[derive(Clone)]
pub struct Options {
    /// Observes, and may fail, every call that the driver makes.
    pub observer: Option<Arc<dyn Observer>>,
    /// How long the driver may take to return: ten seconds by default; `None` for no limit, as
    /// under a debugger.
    pub deadline: Option<Duration>,
    /// The name of the driver's service, with which its registry path ends: the file name of the
    /// image without its extension when there is none.
    pub service: Option<String>,
    /// The values of the type `REG_DWORD` in the key `Parameters` of the service, which has no
    /// such key when there are none. Names must differ in more than case, which is ignored.
    pub parameters: BTreeMap<String, u32>,
    /// The session that listens to the driver's events from its start on: none by default.
    pub listener: Option<Listener>,
    /// The log that the events are written to while a session listens.
    pub events: EventLog,
    /// Whether opens are checked against the device's descriptor. Without, only the driver's own checks
    /// decide, as under `ReactOS`, whose framework drops the descriptor.
    pub device_descriptors: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            observer: None,
            deadline: Some(Duration::from_secs(10)),
            service: None,
            parameters: BTreeMap::new(),
            listener: None,
            events: EventLog::default(),
            device_descriptors: true,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("observer", &self.observer.is_some())
            .field("deadline", &self.deadline)
            .field("service", &self.service)
            .field("parameters", &self.parameters)
            .field("listener", &self.listener)
            .field("device_descriptors", &self.device_descriptors)
            .finish_non_exhaustive()
    }
}
