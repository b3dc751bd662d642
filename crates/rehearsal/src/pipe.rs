//! Named pipes whose client is impersonated.
//!
//! As the file system for pipes does it: a client with static tracking is captured when it opens, one with dynamic
//! tracking when it writes, and the server learns of it when it reads that.

use crate::call;
use crate::random;
use crate::stream::{self, Reader, Writer};
use parking_lot::Mutex;
use psimp_model::{
    Ace, Acl, ClientContext, GenericMapping, SecurityDescriptor, SecurityQos, Thread, rights, sids,
};
use psimp_nt::{Sid, Status};
use psimp_windows::Error;
use std::io::{self, Read, Write};
use std::sync::{Arc, Weak};

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

/// The server's end of a pipe with one client.
pub struct Pipe {
    server: Server,
    instance: Arc<Instance>,
    name: String,
}

/// What the server reads from.
#[derive(Debug)]
pub struct Server {
    bytes: Reader,
    client: Arc<Mutex<Client>>,
}

/// The client's end.
#[derive(Debug)]
pub struct File {
    bytes: Writer,
    quality: SecurityQos,
    client: Arc<Mutex<Client>>,
}

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
        let (bytes, writer) = stream::pipe();
        let client = Arc::<Mutex<Client>>::default();
        let instance =
            Arc::new(Instance { writer: Mutex::new(Some(writer)), client: client.clone(), descriptor });
        let mut pipes = call.machine().pipes.lock();
        pipes.retain(|_, pipe| pipe.strong_count() > 0);
        pipes.insert(name.clone(), Arc::downgrade(&instance));
        Ok(Self { server: Server { bytes, client }, instance, name })
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
        self.instance.open(quality).map_err(|status| io::Error::other(status.to_string()))
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
        let known = self.server.client.lock().known.clone().ok_or(CANNOT_IMPERSONATE)?;
        call.machine().system.se_impersonate_client_ex(&known, call.thread())
    }
}

impl Read for &Server {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&self.bytes).read(buffer)?;
        let mut client = self.client.lock();
        if let Some(written) = client.written.take() {
            client.known = Some(written);
        }
        Ok(read)
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.quality.tracking == SecurityQos::DYNAMIC {
            let call = call::enter();
            let captured = captured(&call, call.thread(), self.quality);
            let captured = captured.map_err(|status| io::Error::other(status.to_string()))?;
            self.client.lock().written = Some(captured);
        }
        self.bytes.write(bytes)
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
    let found = call::enter().machine().pipes.lock().get(name).and_then(Weak::upgrade);
    found.ok_or(Status::OBJECT_NAME_NOT_FOUND)?.open(*quality)
}

impl Instance {
    fn open(&self, quality: SecurityQos) -> Result<File, Status> {
        /// `FILE_READ_DATA`, `FILE_WRITE_DATA` and `SYNCHRONIZE`.
        const READ_WRITE: u32 = 0x0010_0003;
        const PIPE_NOT_AVAILABLE: Status = Status(0xC000_00AC);
        let call = call::enter();
        let system = &call.machine().system;
        system.ob_open_object(call.thread(), Some(&self.descriptor), READ_WRITE, &GenericMapping::FILE)?;
        let bytes = self.writer.lock().take().ok_or(PIPE_NOT_AVAILABLE)?;
        if quality.tracking == SecurityQos::STATIC {
            self.client.lock().known = Some(captured(&call, call.thread(), quality)?);
        }
        Ok(File { bytes, quality, client: self.client.clone() })
    }
}

fn captured(call: &call::Call, client: &Thread, quality: SecurityQos) -> Result<ClientContext, Status> {
    call.machine().system.se_create_client_security(client, &quality, false)
}
