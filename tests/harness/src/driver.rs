//! The driver under test: its service over the model, or its image.

use crate::on_model::{ClientFile, Clients, ModelKernel, ServerFile, access_check};
use psimp_host::{Fault, Host, Image, IoControl, Listener, Observer, Open, Options, Requestor, StartError};
use psimp_model::{
    Acl, Process, SecurityQos, System, Thread, check_ioctl_access, open_device, parse_sddl, rights,
};
use psimp_nt::Status;
use psimp_protocol::{
    CLIENT_NAME, CLIENTS_AUTHENTICATED, CLIENTS_SDDL, CLIENTS_SETTING, DEVICE_SDDL, LINK_NAME,
};
use psimp_service::{Reply, Role};
use std::sync::Arc;

/// Where the driver's code comes from.
#[derive(Clone)]
pub enum Source {
    /// The service crate, called directly.
    Service,
    /// A driver image, loaded anew for each case.
    Image(Arc<Image>),
    /// The same, with other bytes in uninitialized memory.
    Poisoned(Arc<Image>),
    /// The same, with failures below it, for one run of one case.
    Watched(Arc<Image>, Arc<dyn Witness>),
}

impl Source {
    /// What injects failures and checks the contract, if anything does.
    pub(crate) fn witness(&self) -> Option<&Arc<dyn Witness>> {
        match self {
            Self::Watched(_, witness) => Some(witness),
            Self::Service | Self::Image(_) | Self::Poisoned(_) => None,
        }
    }
}

/// What injects failures into one run and checks the driver's contract.
pub trait Witness: Send + Sync {
    /// The observer of the driver's calls, in a run where `scheduler` decides which thread runs.
    fn beside(self: Arc<Self>, scheduler: Option<Arc<dyn Observer>>) -> Arc<dyn Observer>;

    /// Adds a thread, whose slot may change only by requests about it.
    fn notice(&self, thread: &Arc<Thread>);

    /// Reports that something other than a request changes slots.
    fn disturb(&self);

    /// Sends a request with `send`, and checks what holds for every request.
    ///
    /// # Errors
    /// Those of `send`.
    fn request(
        &self,
        thread: &Arc<Thread>,
        code: u32,
        input: &[u8],
        output: &mut [u8],
        send: &dyn Fn(&mut [u8]) -> Result<usize, psimp_host::Failure>,
    ) -> Result<usize, psimp_host::Failure>;

    /// Reports the status of a call that is not a request.
    fn ended(&self, what: &str, status: Status);

    /// Reports that the driver did not start, as is allowed when a call fails.
    fn did_not_start(&self, error: &StartError);

    /// Reports a broken contract that the host found.
    fn report(&self, fault: &Fault);

    /// Reports references that remain after everything is closed and reverted.
    fn left(&self, what: &str);
}

/// A driver that runs.
pub enum Driver {
    /// The service over the model, behind the device's descriptor.
    Service {
        /// The kernel below it.
        system: Arc<System>,
        /// The device's DACL.
        acl: Acl,
        /// Every authenticated user may connect.
        everybody: bool,
        /// The connected clients.
        clients: Arc<Clients>,
    },
    /// A loaded image.
    Image {
        /// The host that runs it.
        host: Box<Host>,
        /// The byte that uninitialized memory is filled with.
        stale: u8,
        /// What injects failures below it and checks the contract, if anything does.
        witness: Option<Arc<dyn Witness>>,
    },
}

/// An open of the device.
pub enum File {
    /// On the service.
    Service {
        /// The process that opened it.
        opener: Arc<Process>,
        /// Access granted.
        granted: u32,
        /// Whether it is a server's or a client's.
        end: End,
    },
    /// On an image.
    Image(psimp_host::File),
}

impl File {
    /// The size of the image's context of the open, in the nonpaged pool.
    pub fn context_size(&self) -> Option<usize> {
        match self {
            Self::Service { .. } => None,
            Self::Image(file) => Some(file.context_size()),
        }
    }
}

/// The kind of a file of the service.
pub enum End {
    /// A server's, which impersonates clients.
    Server(Box<ServerFile>),
    /// A client's, which is impersonated.
    Client(ClientFile),
}

impl End {
    fn close(&self) {
        match self {
            Self::Server(file) => file.close(),
            Self::Client(file) => file.close(),
        }
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The status of the driver or the I/O manager.
    Status(Status),
    /// The driver broke a contract, which the text names.
    Fault(String),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<psimp_host::Failure> for Failure {
    fn from(failure: psimp_host::Failure) -> Self {
        match failure {
            psimp_host::Failure::Status(status) => Self::Status(status),
            psimp_host::Failure::Fault(fault) => Self::Fault(fault.to_string()),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            Self::Fault(fault) => write!(f, "fault: {fault}"),
        }
    }
}

impl Driver {
    /// Starts the driver over a kernel.
    ///
    /// # Errors
    /// Why it did not start.
    pub fn start(source: &Source, system: &Arc<System>) -> Result<Self, Failure> {
        Self::start_with(source, system, Options::default())
    }

    /// The same with options for an image.
    ///
    /// # Errors
    /// Why it did not start.
    pub fn start_with(source: &Source, system: &Arc<System>, options: Options) -> Result<Self, Failure> {
        match source {
            Source::Service => {
                let everybody = options.parameters.get(CLIENTS_SETTING) == Some(&CLIENTS_AUTHENTICATED);
                let acl = parse_sddl(if everybody { CLIENTS_SDDL } else { DEVICE_SDDL })
                    .map_err(|unknown| Failure::Fault(format!("the model does not know {unknown:?}")))?;
                Ok(Self::Service { system: system.clone(), acl, everybody, clients: Arc::default() })
            }
            Source::Image(image) => Self::load(image, system, options, 0, None),
            Source::Poisoned(image) => Self::load(image, system, options, 0x5A, None),
            Source::Watched(image, witness) => {
                let observer = Some(witness.clone().beside(options.observer.clone()));
                // There is a listener, so that writing events can fail too.
                let options = Options { observer, listener: Some(Listener::ALL), ..options };
                Self::load(image, system, options, 0, Some(witness.clone()))
            }
        }
    }

    /// Changes the listener to the events of an image; the service alone has no events.
    ///
    /// # Errors
    /// A broken contract.
    pub fn listen(&self, listener: Option<Listener>) -> Result<(), Failure> {
        match self {
            Self::Service { .. } => Ok(()),
            Self::Image { host, .. } => Ok(host.listen(listener)?),
        }
    }

    fn load(
        image: &Image,
        system: &Arc<System>,
        options: Options,
        stale: u8,
        witness: Option<Arc<dyn Witness>>,
    ) -> Result<Self, Failure> {
        let error = match Host::load_with(image, system.clone(), options) {
            Ok(host) => return Ok(Self::Image { host: Box::new(host), stale, witness }),
            Err(error) => error,
        };
        if let Some(witness) = witness {
            witness.did_not_start(&error);
        }
        match error {
            StartError::Status(status) => Err(Failure::Status(status)),
            error => Err(Failure::Fault(error.to_string())),
        }
    }

    /// What injects failures below the driver and checks the contract, if anything does.
    pub(crate) fn witness(&self) -> Option<&Arc<dyn Witness>> {
        match self {
            Self::Image { witness, .. } => witness.as_ref(),
            Self::Service { .. } => None,
        }
    }

    /// Opens the device as a server.
    ///
    /// # Errors
    /// The failure that the I/O manager or the driver returns.
    pub fn open(&self, thread: &Arc<Thread>, desired: u32) -> Result<File, Failure> {
        self.open_name(thread, "", desired, None)
    }

    /// Opens the client's name for reading.
    ///
    /// # Errors
    /// The failure that the I/O manager or the driver returns.
    pub fn connect(&self, thread: &Arc<Thread>, quality: Option<SecurityQos>) -> Result<File, Failure> {
        self.open_name(thread, CLIENT_NAME, rights::FILE_READ_DATA, quality)
    }

    /// Opens the device by a name below it, with this quality of service.
    ///
    /// # Errors
    /// The failure that the I/O manager or the driver returns.
    pub fn open_name(
        &self,
        thread: &Arc<Thread>,
        name: &str,
        desired: u32,
        quality: Option<SecurityQos>,
    ) -> Result<File, Failure> {
        match self {
            Self::Service { system, acl, everybody, clients } => {
                let (granted, opener) = open_device(system, thread, acl, desired)?;
                let name: Vec<u16> = name.encode_utf16().collect();
                let check = |descriptor: &[u8], desired| access_check(system, thread, descriptor, desired);
                let every_user_may_connect = *everybody;
                let asked =
                    psimp_service::Open { name: &name, relative: false, desired, every_user_may_connect };
                let end = match psimp_service::open(&asked, check)? {
                    Role::Server => End::Server(Box::new(ServerFile::new(clients.clone()))),
                    Role::Client => End::Client(clients.connect(system, thread, quality.as_ref())?),
                };
                Ok(File::Service { opener, granted, end })
            }
            Self::Image { host, witness, .. } => {
                let name = format!("{LINK_NAME}{name}");
                let opened = host.open_with(thread, &Open { name: &name, desired, quality });
                if let (Some(witness), Err(psimp_host::Failure::Status(status))) = (witness, &opened) {
                    witness.ended("open of the device", *status);
                }
                Ok(File::Image(opened?))
            }
        }
    }

    /// Opens a name relative to a file, and closes it again.
    ///
    /// # Errors
    /// The failure that the I/O manager or the driver returns.
    pub fn open_relative(
        &self,
        thread: &Arc<Thread>,
        root: &File,
        name: &str,
        desired: u32,
    ) -> Result<(), Failure> {
        match (self, root) {
            (Self::Service { system, everybody, .. }, _) => {
                let name: Vec<u16> = name.encode_utf16().collect();
                let check = |descriptor: &[u8], desired| access_check(system, thread, descriptor, desired);
                let every_user_may_connect = *everybody;
                let asked =
                    psimp_service::Open { name: &name, relative: true, desired, every_user_may_connect };
                Ok(psimp_service::open(&asked, check).map(drop)?)
            }
            (Self::Image { host, .. }, File::Image(root)) => {
                let opened = host.open_relative(thread, root, &Open::new(name, desired))?;
                Ok(host.close(thread, opened)?)
            }
            (Self::Image { .. }, File::Service { .. }) => {
                Err(Failure::Fault("a file of no image".to_owned()))
            }
        }
    }

    /// Sends a control code; returns the length of the reply.
    ///
    /// # Errors
    /// The failure that the I/O manager or the driver returns.
    pub fn send(
        &self,
        thread: &Arc<Thread>,
        file: &File,
        code: u32,
        input: &[u8],
        output: &mut [u8],
        requestor: Requestor,
    ) -> Result<usize, Failure> {
        match (self, file) {
            (Self::Service { system, .. }, File::Service { opener, granted, end }) => {
                check_ioctl_access(code, *granted)?;
                // A client's file takes no requests.
                let End::Server(file) = end else { return Err(Status::ACCESS_DENIED.into()) };
                let kernel = ModelKernel::new(system, thread, file);
                let mut caller = kernel.caller(opener);
                caller.from_user_mode = requestor == Requestor::User;
                let mut reply = Reply::EMPTY;
                psimp_service::dispatch(&kernel, caller, code, input, Ok(output.len()), &mut reply)?;
                let bytes = reply.as_bytes();
                for (to, from) in output.iter_mut().zip(bytes) {
                    *to = *from;
                }
                Ok(bytes.len())
            }
            (Self::Image { host, stale, witness }, File::Image(file)) => {
                let request = IoControl { requestor, stale: *stale, ..IoControl::new(code, input) };
                let send = |output: &mut [u8]| host.device_io_control(thread, file, &request, output);
                Ok(match witness {
                    None => send(output)?,
                    Some(witness) => witness.request(thread, code, input, output, &send)?,
                })
            }
            _ => Err(Failure::Fault("the file is another driver's".to_owned())),
        }
    }

    /// Cancels the requests in flight on an open of the device. Calls of the
    /// service cannot be cancelled.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none; a fault of the driver.
    pub fn cancel(&self, file: &File) -> Result<(), Failure> {
        match (self, file) {
            (Self::Image { host, .. }, File::Image(file)) => Ok(host.cancel(file)?),
            _ => Err(Status::NOT_FOUND.into()),
        }
    }

    /// Closes the last handle of the device, while requests may be in flight.
    ///
    /// # Errors
    /// A fault of the driver.
    pub fn cleanup(&self, thread: &Arc<Thread>, file: &File) -> Result<(), Failure> {
        match (self, file) {
            (Self::Image { host, .. }, File::Image(file)) => Ok(host.cleanup(thread, file)?),
            (_, File::Service { end, .. }) => {
                end.close();
                Ok(())
            }
            _ => Err(Failure::Fault("the file is another driver's".to_owned())),
        }
    }

    /// Closes an open of the device.
    ///
    /// # Errors
    /// A fault of the driver.
    pub fn close(&self, thread: &Arc<Thread>, file: File) -> Result<(), Failure> {
        match (self, file) {
            (Self::Image { host, .. }, File::Image(file)) => Ok(host.close(thread, file)?),
            (_, File::Service { end, .. }) => {
                end.close();
                Ok(())
            }
            _ => Err(Failure::Fault("the file is another driver's".to_owned())),
        }
    }

    /// Unloads the driver; returns every fault that the host reports, including
    /// leaks.
    pub fn stop(self) -> Vec<String> {
        match self {
            Self::Service { .. } => Vec::new(),
            Self::Image { host, witness, .. } => {
                let faults = host.unload().err().unwrap_or_default();
                if let Some(witness) = witness {
                    for fault in &faults {
                        witness.report(fault);
                    }
                }
                faults.iter().map(ToString::to_string).collect()
            }
        }
    }
}
