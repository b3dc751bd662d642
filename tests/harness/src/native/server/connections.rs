//! Clients and servers of the driver: this process's own threads, and those of client processes.

use super::actor::Actor;
use super::env::{READ_WRITE, open_device};
use super::remote::{Remote, done, text, unexpected};
use super::via_driver::DeviceClient;
use crate::client::Contract;
use crate::driver::Failure;
use crate::native::client::{Order, Told};
use crate::native::plan::is_client;
use crate::native::system::device::Device;
use crate::native::system::pipe::{self, Pipe};
use crate::native::system::process;
use crate::run::connections::{Connections, Connects, OpenedClient, no_such};
use psimp_catalogue::{ClientToken, Context, Step, Who};
use psimp_model::SecurityQos;
use psimp_nt::Status;
use psimp_protocol::CLIENT_NAME;
use psimp_protocol::wire::{Connection, Outcome};
use std::io::{Read as _, Write as _};
use std::sync::Arc;

/// `FILE_READ_DATA`.
const READ: u32 = 1;

/// A client's file.
#[derive(Clone)]
pub(super) enum ClientFile {
    /// Of this process.
    Own(Arc<Device>),
    /// Of a client process, which keeps it under a number.
    Remote(Arc<Remote>, usize),
}

impl Actor<'_, '_> {
    /// Opens a name below the device as this thread, in whichever process it is.
    fn open_below(
        &self,
        name: &str,
        access: u32,
        quality: Option<SecurityQos>,
    ) -> Result<ClientFile, Failure> {
        if !is_client(self.who) {
            let file = Device::open_name(name, access, quality.as_ref())?;
            return Ok(ClientFile::Own(Arc::new(file)));
        }
        let remote = self.remote_of(self.who)?;
        let (keep, quality) = (remote.number(), quality.map(Into::into));
        self.order(self.who, Order::Open { name: name.to_owned(), access, quality, keep }).and_then(done)?;
        Ok(ClientFile::Remote(remote, keep))
    }

    /// The device through one of the servers.
    fn through<T>(
        &self,
        server: usize,
        call: impl FnOnce(&DeviceClient<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let missing = || no_such("server");
        if server == 0 {
            return call(&DeviceClient { device: self.device()?, about: 0 });
        }
        match self.env.servers.lock().get(&server).cloned().ok_or_else(missing)? {
            ClientFile::Own(device) => call(&DeviceClient { device: &device, about: 0 }),
            ClientFile::Remote(..) => Err(Failure::Fault("a server in a client process".to_owned())),
        }
    }

    /// A client of a pipe. One of T1's has client process Q for its server, another thread's has T1.
    pub(super) fn context(&mut self, step: &'static Step, context: &Context) {
        match *context {
            Context::Create { client, .. } if client != self.who => {
                match Pipe::create() {
                    Ok(pipe) => *self.env.pipe.lock() = Some(pipe),
                    Err(error) => return self.compare("a pipe", "success", &error.to_string()),
                }
                self.play(client, std::slice::from_ref(step));
            }
            Context::Create { level, dynamic, status, .. } => {
                let tracking = if dynamic { SecurityQos::DYNAMIC } else { SecurityQos::STATIC };
                let quality = SecurityQos { level, tracking, effective_only: false };
                let own = self.env.pipe.lock().as_ref().map(Pipe::name);
                let name = own.map_or_else(|| self.order(Who::Q, Order::MakePipe).and_then(text), Ok);
                let connected = name.and_then(|name| Ok(pipe::connect(&name, &quality)?));
                let connected = connected.and_then(|mut client| {
                    let write = client.write_all(&[1]);
                    write.map_err(|error| Failure::Fault(format!("the client's write: {error}")))?;
                    *self.env.pipe_client.lock() = Some(client);
                    Ok(())
                });
                self.ended("open of another service's pipe", status, connected);
            }
            Context::Impersonate(_) => {
                let pipe = self.env.pipe.lock();
                let pipe = pipe.as_ref().ok_or_else(|| no_such("pipe"));
                let done = pipe.and_then(|pipe| {
                    let read = pipe.server().read_exact(&mut [0]);
                    read.map_err(|error| Failure::Fault(format!("the server's read: {error}")))?;
                    Ok(pipe.impersonate_client()?)
                });
                self.env.asked.note(self.who, None);
                self.ended("ImpersonateNamedPipeClient", Status::SUCCESS, done);
            }
            Context::Delete(_) => {
                let closed = self.env.pipe_client.lock().take().is_some();
                self.same("a client to close", &true, &closed);
                drop(self.env.pipe.lock().take());
            }
        }
    }
}

impl Connects for Actor<'_, '_> {
    type File = ClientFile;

    fn clients(&self) -> &Connections<ClientFile> {
        &self.env.clients
    }

    fn open_client(&self, flags: u32) -> Result<OpenedClient<ClientFile>, Failure> {
        let file = self.open_below(CLIENT_NAME, READ, SecurityQos::of_create_file(flags))?;
        let process = match &file {
            ClientFile::Own(_) => process::id(),
            ClientFile::Remote(remote, _) => remote.process_id,
        };
        let tok = self.env.asked.by(self.who).or(match self.who {
            Who::ClientA => Some(ClientToken::Ap0),
            Who::ClientB => Some(ClientToken::Bp0),
            _ => None,
        });
        Ok(OpenedClient { file, process, tok })
    }

    fn close_client(&self, file: ClientFile) -> Result<(), Failure> {
        match file {
            ClientFile::Own(device) => {
                Arc::into_inner(device).map(drop).ok_or_else(|| no_such("file to close"))
            }
            ClientFile::Remote(remote, number) => {
                self.env.clerk.order(remote, Order::Close(number))?.and_then(done)
            }
        }
    }

    fn send_to_client(
        &self,
        file: &ClientFile,
        code: u32,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, Failure> {
        match file {
            ClientFile::Own(device) => Ok(device.control(code, input, output)?),
            ClientFile::Remote(remote, number) => {
                let control =
                    Order::Control { to: *number, code, input: input.to_vec(), output: output.to_vec() };
                written(self.env.clerk.order(remote.clone(), control)??, output)
            }
        }
    }

    fn open_name(&self, name: &str, level: u32) -> Result<(), Failure> {
        let quality = SecurityQos { level, tracking: SecurityQos::STATIC, effective_only: false };
        self.close_client(self.open_below(name, READ, Some(quality))?)
    }

    fn open_relative(&self, name: &str) -> Result<(), Failure> {
        Ok(self.device()?.open_relative(name, READ).map(drop)?)
    }

    fn open_server(&self, number: usize) -> Result<(), Failure> {
        let file = if is_client(self.who) {
            self.open_below("", READ_WRITE, None)?
        } else {
            ClientFile::Own(Arc::new(open_device(READ_WRITE)?))
        };
        self.env.servers.lock().insert(number, file);
        Ok(())
    }

    fn close_server(&self, number: usize) -> Result<(), Failure> {
        let server = self.env.servers.lock().remove(&number);
        self.close_client(server.ok_or_else(|| no_such("server"))?)
    }

    fn next_client(&self, server: usize, after: u64) -> Result<Option<Connection>, Failure> {
        self.through(server, |server| server.next_client(after))
    }

    fn serve_id(&self, server: usize, id: u64, level: u32) -> Result<Outcome, Failure> {
        self.through(server, |server| server.serve(id, level, self.rules()))
    }

    // The method as a path is not general over the client's lifetime.
    #[allow(clippy::redundant_closure_for_method_calls)]
    fn revert(&self) -> Result<(), Failure> {
        self.through(0, |server| server.revert()).map(drop)
    }

    fn note(&self, tok: Option<ClientToken>) {
        self.env.asked.note(self.about, tok);
    }

    fn repetitions(&self, times: u32) -> u32 {
        times
    }

    fn differ(&self, what: &str, expected: &str, observed: &str) {
        self.compare(what, expected, observed);
    }
}

/// What a client process tells of a request: the output, and how much of it was written.
pub(super) fn written(told: Told, output: &mut [u8]) -> Result<usize, Failure> {
    match told {
        Told::Output(written, bytes) if bytes.len() == output.len() => {
            output.copy_from_slice(&bytes);
            Ok(written)
        }
        other => Err(unexpected(&other)),
    }
}
