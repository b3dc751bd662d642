//! From a test driver to its fault.

use super::driver::{Driver, NAME};
use super::{process, token};
use psimp_host::{Failure, Fault, FaultKind, File, Host, IoControl, Options, StartError};
use psimp_model::{Kernel, Object, Process, System, Thread};
use psimp_nt::{Level, TokenType};
use std::sync::Arc;

/// A buffered control code that every opener of the device may send.
pub(crate) const CODE: u32 = 0x22_2000;
/// The handle of a token in the calling process, with `TOKEN_IMPERSONATE`.
pub(crate) const TOKEN_HANDLE: u64 = 4;

/// What became of a driver that was loaded, opened, sent one request, closed
/// and unloaded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything went well; the request returned this many bytes.
    Well(usize),
    /// The request failed.
    Status(psimp_nt::Status),
    /// A contract was broken.
    Fault(Fault),
    /// These contracts were broken, as found at unload.
    Leaks(Vec<Fault>),
}

/// Runs a driver through its life with one request.
pub(crate) fn life(driver: &Driver, request: &IoControl<'_>, output: usize) -> End {
    let system = Arc::new(System::new(Kernel::Win10));
    let host = match Host::load(&driver.image(), system.clone()) {
        Ok(host) => host,
        Err(StartError::Fault(fault)) => return End::Fault(fault),
        Err(StartError::Status(status)) => return End::Status(status),
        Err(error) => panic!("{error}"),
    };
    let (process, thread) = process(&system);
    let client = token(&system, TokenType::Impersonation, Level::Impersonation);
    assert_eq!(process.handles().insert(Object::Token(client), 4), TOKEN_HANDLE);
    let file = match host.open(&thread, NAME, 3) {
        Ok(file) => file,
        Err(failure) => return failed(&host, failure),
    };
    let mut output = vec![0; output];
    let sent = host.device_io_control(&thread, &file, request, &mut output);
    if let Err(Failure::Fault(_)) = sent {
        // Every later call is refused with the same fault.
        assert_eq!(host.device_io_control(&thread, &file, request, &mut output), sent);
        assert_eq!(host.open(&thread, NAME, 3).map(drop), sent.clone().map(drop));
    }
    let sent = match sent {
        Ok(sent) => End::Well(sent),
        Err(failure @ Failure::Fault(_)) => return failed(&host, failure),
        Err(Failure::Status(status)) => End::Status(status),
    };
    if let Err(failure) = host.close(&thread, file) {
        return failed(&host, failure);
    }
    match host.unload() {
        Ok(()) => sent,
        Err(leaks) => End::Leaks(leaks),
    }
}

/// The reply of a driver to one request in a run without a fault.
pub(crate) fn answer(driver: &Driver, input: &[u8], length: usize) -> Vec<u8> {
    let mut output = vec![0; length];
    assert_eq!(reply(driver, &IoControl::new(CODE, input), &mut output), Ok(length));
    output
}

/// The word in the reply of a driver to one request in a run without a fault.
pub(crate) fn word(driver: &Driver) -> u64 {
    u64::from_le_bytes(answer(driver, &[], 8).try_into().expect("eight bytes"))
}

/// The result of one request in a run without another fault.
pub(crate) fn reply(driver: &Driver, request: &IoControl<'_>, output: &mut [u8]) -> Result<usize, Failure> {
    let opened = Opened::by(driver, Options::default());
    let sent = opened.host.device_io_control(&opened.thread, &opened.file, request, output);
    opened.end();
    sent
}

/// A driver that is loaded and whose device is open.
pub(crate) struct Opened {
    pub(crate) system: Arc<System>,
    pub(crate) host: Host,
    pub(crate) process: Arc<Process>,
    pub(crate) thread: Arc<Thread>,
    pub(crate) file: File,
}

impl Opened {
    pub(crate) fn by(driver: &Driver, options: Options) -> Self {
        let system = Arc::new(System::new(Kernel::Win10));
        let host = Host::load_with(&driver.image(), system.clone(), options).expect("the driver starts");
        let (process, thread) = process(&system);
        let client = token(&system, TokenType::Impersonation, Level::Impersonation);
        assert_eq!(process.handles().insert(Object::Token(client), 4), TOKEN_HANDLE);
        let file = host.open(&thread, NAME, 3).expect("the device opens");
        Self { system, host, process, thread, file }
    }

    /// Sends the request from this thread.
    pub(crate) fn send(&self, thread: &Arc<Thread>, output: &mut [u8]) -> Result<usize, Failure> {
        self.host.device_io_control(thread, &self.file, &IoControl::new(CODE, &[]), output)
    }

    /// Closes and unloads it, which must find no fault.
    pub(crate) fn end(self) {
        self.host.close(&self.thread, self.file).expect("the file closes");
        assert_eq!(self.host.unload(), Ok(()));
    }
}

fn failed(host: &Host, failure: Failure) -> End {
    match failure {
        Failure::Status(status) => End::Status(status),
        Failure::Fault(fault) => {
            assert_eq!(host.faults(), std::slice::from_ref(&fault));
            End::Fault(fault)
        }
    }
}

/// The fault of a driver at a request without buffers.
pub(crate) fn fault(driver: &Driver) -> (FaultKind, String) {
    fault_of(life(driver, &IoControl::new(CODE, &[]), 0))
}

/// The fault that ended a run: kind, and message without the place.
pub(crate) fn fault_of(end: End) -> (FaultKind, String) {
    match end {
        End::Fault(fault) => (fault.kind, fault.message),
        End::Leaks(leaks) if leaks.len() == 1 => (leaks[0].kind, leaks[0].message.clone()),
        other => panic!("no single fault: {other:?}"),
    }
}
