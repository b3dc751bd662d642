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
use psimp_service::Role;
use std::sync::Arc;

/// Where the driver's code comes from.
#[derive(Clone)]
pub enum Source {
    /// The service crate, called directly.
    Service,
    /// A driver image, loaded anew for each case.
    Image(Arc<Image>),
    /// The same, with other bytes in the memory that nobody has written.
    Poisoned(Arc<Image>),
    /// The same with failures below it, for one run of one case.
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

/// What injects failures into one run and checks what the driver's contract promises then.
pub trait Witness: Send + Sync {
    /// The observer of the driver's calls, in a run where `scheduler` decides which thread goes on.
    fn beside(self: Arc<Self>, scheduler: Option<Arc<dyn Observer>>) -> Arc<dyn Observer>;

    /// Another thread, whose slot changes only by requests about it.
    fn notice(&self, thread: &Arc<Thread>);

    /// Something other than the request in progress changes slots now.
    fn disturb(&self);

    /// Sends a request with `send`, and checks what every request has to keep.
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

    /// The status of something that is no request.
    fn ended(&self, what: &str, status: Status);

    /// The driver did not start, which it may refuse to when something fails.
    fn did_not_start(&self, error: &StartError);

    /// The host reports a broken contract.
    fn report(&self, fault: &Fault);

    /// References remain after everything is closed and reverted.
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
        /// Who is connected.
        clients: Arc<Clients>,
    },
    /// A loaded image.
    Image {
        /// Where it runs.
        host: Box<Host>,
        /// What memory holds that nobody has written.
        stale: u8,
        /// What injects failures below it and checks the contract, if anything does.
        witness: Option<Arc<dyn Witness>>,
    },
}

/// An open of the device.
pub enum File {
    /// On the service.
    Service {
        /// Who opened it.
        opener: Arc<Process>,
        /// Access granted.
        granted: u32,
        /// Which end it is.
        end: End,
    },
    /// On an image.
    Image(psimp_host::File),
}

impl File {
    /// The bytes that an image keeps with the open in the nonpaged pool.
    pub fn context_size(&self) -> Option<usize> {
        match self {
            Self::Service { .. } => None,
            Self::Image(file) => Some(file.context_size()),
        }
    }
}

/// Who has a file of the service open.
pub enum End {
    /// Who impersonates.
    Server(Box<ServerFile>),
    /// Who is impersonated.
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

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The driver or the I/O manager said so.
    Status(Status),
    /// The driver broke a contract; the host says which.
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
    /// What its start fails with.
    pub fn start(source: &Source, system: &Arc<System>) -> Result<Self, Failure> {
        Self::start_with(source, system, Options::default())
    }

    /// The same with options for an image.
    ///
    /// # Errors
    /// What its start fails with.
    pub fn start_with(source: &Source, system: &Arc<System>, options: Options) -> Result<Self, Failure> {
        match source {
            Source::Service => {
                let everybody = options.parameters.get(CLIENTS_SETTING) == Some(&CLIENTS_AUTHENTICATED);
                let acl = parse_sddl(if everybody { CLIENTS_SDDL } else { DEVICE_SDDL })
                    .map_err(|unknown| Failure::Fault(format!("the model does not know {unknown:?}")))?;
                Ok(Self::Service { system: system.clone(), acl, clients: Arc::default() })
            }
            Source::Image(image) => Self::load(image, system, options, 0, None),
            Source::Poisoned(image) => Self::load(image, system, options, 0x5A, None),
            Source::Watched(image, witness) => {
                let observer = Some(witness.clone().beside(options.observer.clone()));
                // Somebody listens, so that what is written can fail, too.
                let options = Options { observer, listener: Some(Listener::ALL), ..options };
                Self::load(image, system, options, 0, Some(witness.clone()))
            }
        }
    }

    /// Changes who listens to the events of an image; the service alone has none.
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

    /// Opens the device, to serve.
    ///
    /// # Errors
    /// What the I/O manager or the driver says.
    pub fn open(&self, thread: &Arc<Thread>, desired: u32) -> Result<File, Failure> {
        self.open_name(thread, "", desired, None)
    }

    /// Opens the client's name for reading, to be served.
    ///
    /// # Errors
    /// What the I/O manager or the driver says.
    pub fn connect(&self, thread: &Arc<Thread>, quality: Option<SecurityQos>) -> Result<File, Failure> {
        self.open_name(thread, CLIENT_NAME, rights::FILE_READ_DATA, quality)
    }

    /// Opens the device by a name below it, with this quality of service.
    ///
    /// # Errors
    /// What the I/O manager or the driver says.
    pub fn open_name(
        &self,
        thread: &Arc<Thread>,
        name: &str,
        desired: u32,
        quality: Option<SecurityQos>,
    ) -> Result<File, Failure> {
        match self {
            Self::Service { system, acl, clients } => {
                let (granted, opener) = open_device(system, thread, acl, desired)?;
                let name: Vec<u16> = name.encode_utf16().collect();
                let check = |descriptor: &[u8], desired| access_check(system, thread, descriptor, desired);
                let end = match psimp_service::open(&name, desired, check)? {
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

    /// Sends a control code; returns the length of the reply.
    ///
    /// # Errors
    /// What the I/O manager or the driver says.
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
                // A client's end serves nobody.
                let End::Server(file) = end else { return Err(Status::ACCESS_DENIED.into()) };
                let kernel = ModelKernel::new(system, thread, file);
                let mut caller = kernel.caller(opener);
                caller.from_user_mode = requestor == Requestor::User;
                let reply = psimp_service::dispatch(&kernel, caller, code, input, Ok(output.len()))?;
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

    /// Cancels the requests in flight on an open of the device. A call of the
    /// service is no request that anybody could cancel.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none; a fault on the way.
    pub fn cancel(&self, file: &File) -> Result<(), Failure> {
        match (self, file) {
            (Self::Image { host, .. }, File::Image(file)) => Ok(host.cancel(file)?),
            _ => Err(Status::NOT_FOUND.into()),
        }
    }

    /// Closes the last handle of the device, while requests may be in flight.
    ///
    /// # Errors
    /// A fault on the way.
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
    /// A fault on the way.
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

    /// Unloads the driver; returns every fault that the host has to report,
    /// leaks among them.
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
