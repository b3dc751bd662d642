//! Named pipes whose client is impersonated.
//!
//! As the file system for pipes does it: a client with static tracking is captured when it opens, one with dynamic
//! tracking when it writes, and the server learns of it when it reads that.

use crate::bytes::{self, Reader, Writer};
use crate::call;
use crate::handle::OwnedHandle;
use crate::random;
use crate::running::Thing;
use crate::stream;
use parking_lot::Mutex;
use psimp_model::{
    Ace, Acl, ClientContext, GenericMapping, SecurityDescriptor, SecurityQos, Thread, rights, sids,
};
use psimp_nt::{Level, Sid, Status};
use psimp_rules::Family;
use psimp_windows::Error;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// `FILE_READ_DATA`, `FILE_WRITE_DATA` and `SYNCHRONIZE`.
const READ_WRITE: u32 = 0x0010_0003;
/// `STATUS_CANNOT_IMPERSONATE`.
const CANNOT_IMPERSONATE: Status = Status(0xC000_010D);

/// Who the client is.
#[derive(Debug, Default)]
struct Client {
    /// Captured with what was written last, and not read yet.
    written: Option<ClientContext>,
    /// Known to the server.
    known: Option<ClientContext>,
}

/// A pipe that a client can open.
pub(crate) struct Instance {
    writer: Mutex<Option<Writer>>,
    client: Arc<Mutex<Client>>,
    descriptor: SecurityDescriptor,
}

/// The server's end of a pipe, which a handle keeps.
pub(crate) struct ServerEnd {
    bytes: Reader,
    instance: Arc<Instance>,
}

/// The client's end.
pub(crate) struct ClientEnd {
    bytes: Writer,
    quality: SecurityQos,
    client: Arc<Mutex<Client>>,
}

/// The server's end of a pipe with one client.
#[derive(Debug)]
pub struct Pipe {
    server: Server,
    name: String,
}

/// What the server reads from.
#[derive(Debug)]
pub struct Server(OwnedHandle);

/// The client's end.
#[derive(Debug)]
pub struct File(OwnedHandle);

impl Pipe {
    /// Creates a pipe under a name of its own. By default its creator, administrators and the system may do everything
    /// with it, and others may read.
    ///
    /// # Errors
    /// The random generator's.
    pub fn create() -> Result<Self, Error> {
        let name = format!(r"\??\pipe\psimp-{:016x}", u64::from_ne_bytes(random::bytes()?));
        let call = call::enter();
        let (token, ..) = call.machine().system.ps_reference_effective_token(call.thread());
        let all = |sid| Ace::allow(sid, rights::GENERIC_ALL);
        let read = Ace::allow(Sid::EVERYONE, rights::GENERIC_READ);
        let dacl = Acl(vec![all(sids::LOCAL_SYSTEM), all(sids::ADMINISTRATORS), all(token.user()), read]);
        let descriptor = SecurityDescriptor::new(token.user(), Some(dacl));
        let (bytes, writer) = bytes::pipe();
        let client = Arc::<Mutex<Client>>::default();
        let instance =
            Arc::new(Instance { writer: Mutex::new(Some(writer)), client: client.clone(), descriptor });
        let open: Thing = instance.clone();
        call.machine().name(name.clone(), Arc::downgrade(&open));
        let number = call.process().insert(Arc::new(ServerEnd { bytes, instance }), READ_WRITE);
        Ok(Self { server: Server(OwnedHandle::new(call.process(), number)), name })
    }

    /// Its name in native notation, for [`connect`].
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Opens the pipe as a client, with these flags of `CreateFile` about the quality of service.
    ///
    /// # Errors
    /// As [`connect`].
    pub fn connect(&self, flags: u32) -> io::Result<File> {
        let quality = SecurityQos::of_create_file(flags).unwrap_or(SecurityQos::DEFAULT_QOS);
        connect(&self.name, &quality).map_err(|status| io::Error::other(status.to_string()))
    }

    /// The server's end, to read what the client wrote.
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// `ImpersonateNamedPipeClient` on the calling thread.
    ///
    /// # Errors
    /// `STATUS_CANNOT_IMPERSONATE` before data of a client with dynamic tracking was read.
    pub fn impersonate_client(&self) -> Result<(), Status> {
        let call = call::enter().inside_a_case();
        let end = self.server.end(&call)?;
        let known = end.instance.client.lock().known.clone().ok_or(CANNOT_IMPERSONATE)?;
        call.machine().system.se_impersonate_client_ex(&known, call.thread())
    }
}

impl Server {
    fn end(&self, call: &call::Call) -> Result<Arc<ServerEnd>, Status> {
        call.process().thing(self.0.number()).ok_or(Status::INVALID_HANDLE)
    }
}

impl Read for &Server {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A thread that waits keeps the bytes alone: its process may end.
        let failed = |status: Status| io::Error::other(status.to_string());
        let bytes = {
            let call = call::enter();
            let end = self.end(&call).map_err(failed)?;
            end.bytes.shared()
        };
        let read = stream::read(&bytes, buffer)?;
        let call = call::enter();
        let end = self.end(&call).map_err(failed)?;
        let mut client = end.instance.client.lock();
        if let Some(written) = client.written.take() {
            client.known = Some(written);
        }
        Ok(read)
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let call = call::enter();
        let failed = |status: Status| io::Error::other(status.to_string());
        let end = call.process().thing::<ClientEnd>(self.0.number());
        let end = end.ok_or_else(|| failed(Status::INVALID_HANDLE))?;
        if end.quality.tracking == SecurityQos::DYNAMIC {
            let captured = captured(&call, call.thread(), end.quality).map_err(failed)?;
            end.client.lock().written = Some(captured);
        }
        (&end.bytes).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a pipe by [`Pipe::name`] as a client, in the calling thread's current security context.
///
/// # Errors
/// `OBJECT_NAME_NOT_FOUND`; those of the access check and of capturing the client; `STATUS_PIPE_NOT_AVAILABLE` to a
/// second client.
pub fn connect(name: &str, quality: &SecurityQos) -> Result<File, Status> {
    let call = call::enter();
    let found = call.machine().named::<Instance>(name);
    found.ok_or(Status::OBJECT_NAME_NOT_FOUND)?.open(*quality)
}

impl Instance {
    fn open(&self, quality: SecurityQos) -> Result<File, Status> {
        const PIPE_NOT_AVAILABLE: Status = Status(0xC000_00AC);
        let call = call::enter();
        let system = &call.machine().system;
        // The I/O manager captures the quality of service before it looks for the pipe.
        if Level::from_raw(quality.level).is_none() {
            let old = system.kernel().family() == Family::Nt52;
            return Err(if old { Status::INVALID_PARAMETER } else { Status::BAD_IMPERSONATION_LEVEL });
        }
        system.ob_open_object(call.thread(), Some(&self.descriptor), READ_WRITE, &GenericMapping::FILE)?;
        let bytes = self.writer.lock().take().ok_or(PIPE_NOT_AVAILABLE)?;
        if quality.tracking == SecurityQos::STATIC {
            self.client.lock().known = Some(captured(&call, call.thread(), quality)?);
        }
        let end = ClientEnd { bytes, quality, client: self.client.clone() };
        let number = call.process().insert(Arc::new(end), READ_WRITE);
        Ok(File(OwnedHandle::new(call.process(), number)))
    }
}

fn captured(call: &call::Call, client: &Thread, quality: SecurityQos) -> Result<ClientContext, Status> {
    call.machine().system.se_create_client_security(client, &quality, false)
}
