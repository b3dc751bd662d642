//! Child processes that run with their own token and communicate through pipes.

use crate::bytes::{self, Reader, Writer};
use crate::call;
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle, number, win32};
use crate::inject::Injected;
use crate::people::USERS;
use crate::running::Process;
use crate::stream;
use crate::thread::open_process;
use crate::token::Token;
use psimp_model::{
    Acl, GenericMapping, Object, ObjectType, SecurityDescriptor, reference_by_handle, rights, sids,
};
use psimp_nt::Status;
use psimp_windows::Error;
use psimp_windows::rights::{QUERY_PROCESS, SYNCHRONIZE, first};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// When the machine starts, in the unit of `FILETIME`: the first of January 2026.
pub(crate) const BOOT: u64 = 134_116_992_000_000_000;
/// `FILE_READ_DATA` and `FILE_EXECUTE`, with which an image is opened.
const READ_AND_EXECUTE: u32 = 0x21;
/// `ERROR_NOT_ENOUGH_MEMORY`.
const NOT_ENOUGH_MEMORY: u32 = 8;

/// The id of this process.
pub fn id() -> u32 {
    call::enter().process().kernel.id()
}

/// The standard input of this process.
pub fn input() -> impl BufRead {
    BufReader::new(Input(Arc::downgrade(call::enter().process())))
}

/// The standard output of this process.
pub fn output() -> impl Write {
    Output { process: Arc::downgrade(call::enter().process()), mute: false }
}

struct Input(Weak<Process>);

struct Output {
    process: Weak<Process>,
    /// What it writes is lost, as was asked for.
    mute: bool,
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A thread that waits keeps the bytes alone: the end of its process closes the reader.
        let bytes = self.0.upgrade().and_then(|process| process.input.lock().as_ref().map(Reader::shared));
        bytes.map_or(Ok(0), |bytes| stream::read(&bytes, buffer))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let call = call::enter();
        match call.machine().injection.take(&[Injected::Nonsense, Injected::NoAnswer]) {
            Some(Injected::Nonsense) => self.put(b"no answer that anybody knows\n").map(drop)?,
            Some(_) => (),
            None if self.mute => (),
            None => return self.put(bytes),
        }
        self.mute = true;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn put(&self, bytes: &[u8]) -> io::Result<usize> {
        let process = self.process.upgrade().ok_or(ErrorKind::BrokenPipe)?;
        match process.output.lock().as_ref() {
            Some(mut writer) => writer.write(bytes),
            None => Err(ErrorKind::BrokenPipe.into()),
        }
    }
}

/// The folder for data of the user who runs this process: one of this rehearsal alone.
pub fn data_folder() -> PathBuf {
    std::env::temp_dir().join(format!("psimp-rehearsal-{}", std::process::id()))
}

/// Another program, started by the calling thread with the token of this process. It does nothing, and ends when this
/// is dropped.
#[derive(Debug)]
pub struct Program(OwnedHandle);

impl Program {
    /// Starts a program of Windows. Its image is opened as the calling thread is; every user may read it.
    ///
    /// # Errors
    /// Those of that open.
    pub fn start(path: &str, _arguments: &[&str]) -> Result<Self, Error> {
        let call = call::enter();
        let failed = |status| Error::win32("CreateProcessW", win32(status)).of(path);
        open_image(&call).map_err(failed)?;
        let process = call.machine().system.create_child_process(call.thread()).map_err(failed)?;
        let handle =
            call.process().kernel.handles().insert(Object::Process(process), rights::PROCESS_ALL_ACCESS);
        Ok(Self(OwnedHandle::new(call.process(), handle)))
    }

    /// A handle of the process.
    ///
    /// # Errors
    /// The error of `DuplicateHandle`.
    pub fn handle(&self) -> Result<OwnedHandle, Error> {
        let copy = self.0.as_handle().try_clone_to_owned();
        copy.map_err(|error| Error::of_std("DuplicateHandle", &error))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// None.
    #[allow(clippy::unnecessary_wraps)] // as on Windows
    pub fn wait(self) -> Result<(), Error> {
        Ok(())
    }
}

/// A handle of another process, by its value there, for an object that this process has open.
///
/// # Errors
/// The error of `DuplicateHandle`.
pub fn give(process: BorrowedHandle<'_>, handle: BorrowedHandle<'_>) -> Result<u64, Error> {
    /// `PROCESS_DUP_HANDLE`.
    const DUP_HANDLE: u32 = 0x40;
    let failed = |status| Error::win32("DuplicateHandle", win32(status));
    let call = call::enter();
    let found = reference_by_handle(call.thread(), number(process), ObjectType::Process, DUP_HANDLE);
    let (Object::Process(found), _) = found.map_err(failed)? else {
        return Err(failed(Status::OBJECT_TYPE_MISMATCH));
    };
    let to = call.machine().processes.lock().get(&found.id()).cloned();
    let to = to.ok_or_else(|| failed(Status::ACCESS_DENIED))?;
    call.process().duplicate(number(handle), &to, None).map_err(failed)
}

/// A process with a copy of a token that is not derived from this process's: the service Secondary Logon does that, for a
/// caller with `SeImpersonatePrivilege`.
fn create_by_service(call: &call::Call, token: &Token) -> Result<Arc<psimp_model::Process>, Error> {
    let failed = |status| Error::win32("CreateProcessWithTokenW", win32(status));
    let system = &call.machine().system;
    let (impersonate, mode) = (psimp_model::privileges::IMPERSONATE, psimp_model::AccessMode::User);
    if !system.se_single_privilege_check(call.thread(), impersonate, mode) {
        return Err(failed(Status::PRIVILEGE_NOT_HELD));
    }
    let needed = rights::TOKEN_QUERY | rights::TOKEN_DUPLICATE | rights::TOKEN_ASSIGN_PRIMARY;
    let found = reference_by_handle(call.thread(), token.number(), ObjectType::Token, needed);
    let (Object::Token(found), _) = found.map_err(failed)? else {
        return Err(failed(Status::OBJECT_TYPE_MISMATCH));
    };
    let copy = system.duplicate_token_checked(
        &call.machine().closer,
        &found,
        psimp_nt::TokenType::Primary,
        found.level(),
        false,
    );
    Ok(system.create_process(copy.map_err(failed)?))
}

/// What `CreateProcess` does first.
fn open_image(call: &call::Call) -> Result<(), Status> {
    let readers = Acl::granting(&[sids::LOCAL_SYSTEM, sids::ADMINISTRATORS, USERS]);
    let image = SecurityDescriptor::new(sids::LOCAL_SYSTEM, Some(readers));
    let system = &call.machine().system;
    system.ob_open_object(call.thread(), Some(&image), READ_AND_EXECUTE, &GenericMapping::FILE).map(drop)
}

/// A child process. It ends, at the latest, when this is dropped.
#[derive(Debug)]
pub struct Child {
    process: OwnedHandle,
    running: Running,
    /// The reason why it could outlive this process, if that one is killed: none here.
    pub held: Result<(), Error>,
    /// Its standard input.
    pub input: Option<Stdin>,
    /// Its standard output.
    pub output: Option<Reader>,
}

struct Running(Arc<Process>);

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {}", self.0.kernel.id())
    }
}

/// The standard input of a child.
#[derive(Debug)]
pub struct Stdin(Writer);

impl Write for &Stdin {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if call::enter().machine().injection.take(&[Injected::BrokenPipe]).is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        (&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Stdin {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Child {
    /// Starts another instance of this program with this primary token.
    ///
    /// # Errors
    /// `ERROR_PRIVILEGE_NOT_HELD` for a token that is not filtered from the caller's own.
    pub fn start(token: &Token, arguments: &[&str]) -> Result<Self, Error> {
        let failed = |code| Error::win32("CreateProcessAsUserW", code);
        let call = call::enter();
        let machine = call.machine();
        if machine.injection.take(&[Injected::NoProcess]).is_some() {
            return Err(failed(NOT_ENOUGH_MEMORY));
        }
        open_image(&call).map_err(|status| failed(win32(status)))?;
        let kernel = match machine.system.nt_create_process_as_user(call.thread(), token.number()) {
            Err(Status::PRIVILEGE_NOT_HELD) => create_by_service(&call, token)?,
            kernel => kernel.map_err(|status| failed(win32(status)))?,
        };
        let (question, input) = bytes::pipe();
        let (output, answer) = bytes::pipe();
        let child = Process::new(machine, kernel.clone(), machine.now(), Some(question), Some(answer));
        let table = call.process().kernel.handles();
        let process = table.insert(Object::Process(kernel), rights::PROCESS_ALL_ACCESS);
        let process = OwnedHandle::new(call.process(), process);
        let (begin, program) = (call::create_thread(machine, &child, None), machine.program);
        let arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
        let running = Arc::downgrade(&child);
        let started = std::thread::Builder::new().spawn(move || {
            let _thread = begin();
            let code = program(&arguments);
            if let Some(process) = running.upgrade() {
                process.end(code);
            }
        });
        started.map_err(|_| failed(NOT_ENOUGH_MEMORY))?;
        let (input, output) = (Some(Stdin(input)), Some(output));
        Ok(Self { process, running: Running(child), held: Ok(()), input, output })
    }

    /// A handle of the child for an object that this process has open.
    ///
    /// # Errors
    /// The error of `DuplicateHandle`.
    pub fn give(&self, handle: BorrowedHandle<'_>) -> Result<u64, Error> {
        let copy = call::enter().process().duplicate(number(handle), &self.running.0, None);
        copy.map_err(|status| Error::win32("DuplicateHandle", win32(status)))
    }

    /// Waits for its end and returns its exit code; `None` if it still runs after this time.
    ///
    /// # Errors
    /// None.
    pub fn wait(&mut self, patience: Option<Duration>) -> Result<Option<u32>, Error> {
        drop(self.input.take());
        let end = patience.map(|time| Instant::now() + time);
        Ok(call::enter().wait(|time| match self.running.0.exit_code(time) {
            Some(code) => Some(Some(code)),
            None if end.is_some_and(|end| Instant::now() > end) => Some(None),
            None => None,
        }))
    }
}

impl AsHandle for Child {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.process.as_handle()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _call = call::enter();
        self.running.0.end(1);
    }
}

/// The creation time of this process, in the unit of `FILETIME`.
///
/// # Errors
/// None.
pub fn this_started() -> Result<u64, Error> {
    Ok(call::enter().process().started)
}

/// The creation time of the running process with this id; `None` if there is none.
///
/// # Errors
/// None.
pub fn started(id: u32) -> Result<Option<u64>, Error> {
    let call = call::enter();
    let found = call.machine().processes.lock().get(&id).map(|process| process.started);
    if found.is_some() {
        first(QUERY_PROCESS, |right| open_process(id, right | SYNCHRONIZE))?;
    }
    Ok(found)
}
