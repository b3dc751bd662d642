//! Named pipes whose client is impersonated.
//!
//! As the file system for pipes does it: a client with static tracking is captured when it opens, one with dynamic
//! tracking when it writes, and the server learns of it when it reads that.

use crate::call;
use crate::stream::{self, Reader, Writer};
use parking_lot::Mutex;
use psimp_model::{ClientContext, SecurityQos, Thread};
use psimp_nt::Status;
use psimp_windows::Error;
use std::io::{self, Read, Write};
use std::sync::Arc;

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

/// The server's end of a pipe with one client.
#[derive(Debug)]
pub struct Pipe {
    server: Server,
    writer: Mutex<Option<Writer>>,
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
    /// Creates a pipe under a name of its own.
    ///
    /// # Errors
    /// None.
    #[allow(clippy::unnecessary_wraps)] // as on Windows
    pub fn create() -> Result<Self, Error> {
        let (bytes, writer) = stream::pipe();
        Ok(Self { server: Server { bytes, client: Arc::default() }, writer: Mutex::new(Some(writer)) })
    }

    /// Opens the pipe as a client, with these flags of `CreateFile` about the quality of service.
    ///
    /// # Errors
    /// `ERROR_PIPE_BUSY` for a second client; those of capturing the client.
    pub fn connect(&self, flags: u32) -> io::Result<File> {
        const PIPE_BUSY: i32 = 231;
        let call = call::enter();
        let bytes = self.writer.lock().take().ok_or_else(|| io::Error::from_raw_os_error(PIPE_BUSY))?;
        let quality = SecurityQos::of_create_file(flags).unwrap_or(SecurityQos::DEFAULT_QOS);
        if quality.tracking == SecurityQos::STATIC {
            self.server.client.lock().known = Some(captured(&call, call.thread(), &quality)?);
        }
        Ok(File { bytes, quality, client: self.server.client.clone() })
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
            self.client.lock().written = Some(captured(&call, call.thread(), &self.quality)?);
        }
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn captured(call: &call::Call, client: &Thread, quality: &SecurityQos) -> io::Result<ClientContext> {
    let captured = call.machine().system.se_create_client_security(client, quality, false);
    captured.map_err(|status| io::Error::other(format!("the client cannot be captured: {status}")))
}
