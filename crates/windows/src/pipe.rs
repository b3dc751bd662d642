//! Named pipes whose client is impersonated.
#![allow(unsafe_code)] // CreateNamedPipeW and a control code

use crate::error::{Error, checked};
use crate::file::{self, Name};
use crate::wide::wide;
use psimp_model::SecurityQos;
use psimp_nt::Status;
pub use std::fs::File;

use std::fs::OpenOptions;
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::sync::atomic::{AtomicU32, Ordering};
use windows_sys::Wdk::Storage::FileSystem::{FSCTL_PIPE_IMPERSONATE, NtFsControlFile};
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_FIRST_PIPE_INSTANCE, PIPE_ACCESS_DUPLEX};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use windows_sys::Win32::System::Pipes::{CreateNamedPipeW, PIPE_REJECT_REMOTE_CLIENTS};

/// Bytes that a pipe holds until they are read.
const BUFFER: u32 = 16;

/// The server's end of a pipe with one client.
#[derive(Debug)]
pub struct Pipe {
    server: File,
    name: String,
}

impl Pipe {
    /// Creates a pipe under a name of its own.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn create() -> Result<Self, Error> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(r"\\.\pipe\psimp-{}-{number}", std::process::id());
        let text = wide(&name);
        let mode = PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE;
        // SAFETY: the name ends with a zero, and no attributes are passed.
        let server = unsafe {
            CreateNamedPipeW(
                text.as_ptr(),
                mode,
                PIPE_REJECT_REMOTE_CLIENTS,
                1,
                BUFFER,
                BUFFER,
                0,
                std::ptr::null(),
            )
        };
        if server == INVALID_HANDLE_VALUE {
            return Err(Error::last("CreateNamedPipeW"));
        }
        // SAFETY: the call succeeded, and nothing else owns the handle.
        let server = unsafe { OwnedHandle::from_raw_handle(server) };
        Ok(Self { server: File::from(server), name })
    }

    /// Opens the pipe as a client, with these flags of `CreateFile` about the
    /// quality of service and no others.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn connect(&self, flags: u32) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        if flags != 0 {
            // The library adds `SECURITY_SQOS_PRESENT` to the quality of service flags, so they are passed
            // with it.
            options.custom_flags(flags);
        }
        options.open(&self.name)
    }

    /// Its name in native notation, for [`connect`].
    pub fn name(&self) -> String {
        self.name.replacen(r"\\.\", r"\??\", 1)
    }

    /// The server's end, to read what the client wrote.
    pub fn server(&self) -> &File {
        &self.server
    }

    /// `ImpersonateNamedPipeClient` on the calling thread.
    ///
    /// # Errors
    /// The error that Windows returns: `STATUS_CANNOT_IMPERSONATE` before data was read.
    pub fn impersonate_client(&self) -> Result<(), Status> {
        let mut block = IO_STATUS_BLOCK::default();
        let none = std::ptr::null();
        // SAFETY: the handle is open and synchronous, so that the block is written when the call returns; the
        // code transfers no bytes.
        checked(unsafe {
            NtFsControlFile(
                self.server.as_raw_handle(),
                std::ptr::null_mut(),
                None,
                none,
                &raw mut block,
                FSCTL_PIPE_IMPERSONATE,
                none,
                0,
                none.cast_mut(),
                0,
            )
        })
    }
}

/// Opens a pipe by [`Pipe::name`] as a client, in the calling thread's current security context.
///
/// # Errors
/// The error that Windows returns: `STATUS_BAD_IMPERSONATION_LEVEL` to a thread that impersonates below Impersonation,
/// and for a level above its own.
pub fn connect(name: &str, quality: &SecurityQos) -> Result<File, Status> {
    /// `FILE_READ_DATA` and `FILE_WRITE_DATA`.
    const READ_WRITE: u32 = 3;
    file::open(Name { quality: Some(quality), ..Name::of(name) }, READ_WRITE, true).map(File::from)
}
