//! Child processes that run with their own token and communicate through pipes.
#![allow(unsafe_code)] // CreateProcessAsUserW

use crate::error::Code;
use crate::job::{Attribute, Job};
use crate::structure::length;
use crate::wide::wide;
use crate::{Error, Token, rights};
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED,
    ERROR_PRIVILEGE_NOT_HELD, FILETIME, HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation, WAIT_FAILED,
    WAIT_OBJECT_0,
};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::System::Pipes::CreatePipe;
use windows_sys::Win32::System::Threading::{
    CREATE_NO_WINDOW, CREATE_SUSPENDED, CreateProcessAsUserW, CreateProcessWithTokenW,
    EXTENDED_STARTUPINFO_PRESENT, GetExitCodeProcess, GetProcessTimes, INFINITE, PROCESS_INFORMATION,
    PROCESS_SYNCHRONIZE, ResumeThread, STARTF_USESTDHANDLES, STARTUPINFOEXW, STARTUPINFOW, TerminateProcess,
    WaitForSingleObject,
};

pub use std::process::id;

/// The standard input of this process.
pub fn input() -> impl BufRead {
    io::stdin().lock()
}

/// The standard output of this process.
pub fn output() -> impl Write {
    io::stdout().lock()
}

/// The folder for data of the user who runs this process: `%LOCALAPPDATA%`, or that of temporary files.
pub fn data_folder() -> PathBuf {
    let local = std::env::var_os("LOCALAPPDATA").filter(|path| !path.is_empty());
    local.map_or_else(std::env::temp_dir, PathBuf::from)
}

/// Another program, started by the calling thread with the token of this process.
#[derive(Debug)]
pub struct Program(std::process::Child);

impl Program {
    /// Starts a program of Windows, given by its path below the system's folder. Its image is opened as the calling
    /// thread is.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn start(path: &str, arguments: &[&str]) -> Result<Self, Error> {
        let root = std::env::var_os("SystemRoot").ok_or(Error::win32("the variable SystemRoot", 0))?;
        let program = PathBuf::from(root).join(path);
        let mut command = Command::new(&program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = command.spawn().map_err(|error| Error::of_std("CreateProcessW", &error));
        started.map(Self).map_err(|error| error.of(program.display()))
    }

    /// A handle of the process.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn handle(&self) -> Result<OwnedHandle, Error> {
        let copy = self.0.as_handle().try_clone_to_owned();
        copy.map_err(|error| Error::of_std("DuplicateHandle", &error))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn wait(mut self) -> Result<(), Error> {
        self.0.wait().map(drop).map_err(|error| Error::of_std("WaitForSingleObject", &error))
    }
}

/// A child process. It ends, at the latest, when this is dropped, or when this
/// process ends.
#[derive(Debug)]
pub struct Child {
    process: OwnedHandle,
    /// The reason why it could outlive this process, if that one is killed.
    pub held: Result<(), Error>,
    /// Its standard input.
    pub input: Option<File>,
    /// Its standard output.
    pub output: Option<File>,
}

impl Child {
    /// Starts another instance of this program with this primary token.
    ///
    /// # Errors
    /// The error that Windows returns. A token that is not derived from the caller's own takes
    /// `SeAssignPrimaryTokenPrivilege`, or `SeImpersonatePrivilege` and the service Secondary Logon.
    pub fn start(token: &Token, arguments: &[&str]) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(|error| Error::of_std("GetModuleFileNameW", &error))?;
        let quoted = arguments.iter().fold(String::new(), |text, word| text + " \"" + word + "\"");
        let mut command = wide(&format!("\"{}\"{quoted}", program.display()));
        let (input_end, input) = pipe()?;
        let (output, output_end) = pipe()?;
        keep(&input)?;
        keep(&output)?;
        let startup = STARTUPINFOW {
            dwFlags: STARTF_USESTDHANDLES,
            hStdInput: input_end.as_raw_handle(),
            hStdOutput: output_end.as_raw_handle(),
            // Its error output goes to this process's error output.
            hStdError: std::io::stderr().as_raw_handle(),
            ..STARTUPINFOW::default()
        };
        let job = Job::of_this_process();
        // In the job at creation, if the system supports that: then it cannot be left running if this
        // process ends in between. Otherwise it is added below, and an error of that is reported.
        let mut attribute = job.as_ref().ok().and_then(|job| Attribute::new(job).ok());
        let started = loop {
            match (create(token, &mut command, startup, attribute.as_mut()), attribute.take()) {
                (
                    Err(Error { code: Code::Win32(ERROR_INVALID_PARAMETER | ERROR_NOT_SUPPORTED), .. }),
                    Some(_),
                ) => {}
                (Err(Error { code: Code::Win32(ERROR_PRIVILEGE_NOT_HELD), .. }), _) => {
                    break create_by_service(token, &mut command, startup)?;
                }
                (started, _) => break started?,
            }
        };
        // SAFETY: the handle is from the call that succeeded.
        let process = unsafe { OwnedHandle::from_raw_handle(started.hProcess) };
        // SAFETY: the handle is from the call that succeeded.
        let thread = unsafe { OwnedHandle::from_raw_handle(started.hThread) };
        let held = job.and_then(|job| job.hold(&process));
        let child = Self { process, held, input: Some(File::from(input)), output: Some(File::from(output)) };
        // SAFETY: the handle is open.
        let resumed = unsafe { ResumeThread(thread.as_raw_handle()) };
        if resumed == u32::MAX { Err(Error::last("ResumeThread")) } else { Ok(child) }
    }

    /// A handle of the child for an object that this process has open.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn give(&self, handle: BorrowedHandle<'_>) -> Result<u64, Error> {
        give(self.as_handle(), handle)
    }

    /// Waits for its end and returns its exit code; `None` if it still runs after this time.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn wait(&mut self, patience: Option<Duration>) -> Result<Option<u32>, Error> {
        drop(self.input.take());
        let milliseconds = patience.map(|time| u32::try_from(time.as_millis()).unwrap_or(INFINITE));
        // SAFETY: the handle is open.
        match unsafe { WaitForSingleObject(self.process.as_raw_handle(), milliseconds.unwrap_or(INFINITE)) } {
            WAIT_OBJECT_0 => (),
            WAIT_FAILED => return Err(Error::last("WaitForSingleObject")),
            _ => return Ok(None),
        }
        let mut code = 0;
        // SAFETY: the handle is open, and the place for the code is borrowed for the call.
        let done = unsafe { GetExitCodeProcess(self.process.as_raw_handle(), &raw mut code) };
        if done == 0 { Err(Error::last("GetExitCodeProcess")) } else { Ok(Some(code)) }
    }
}

impl AsHandle for Child {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.process.as_handle()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: the handle is open. For a process that has ended the call has no effect.
        let _ = unsafe { TerminateProcess(self.process.as_raw_handle(), 1) };
    }
}

/// A handle of another process, by its value there, for an object that this process has open.
///
/// # Errors
/// The error that Windows returns.
pub fn give(process: BorrowedHandle<'_>, handle: BorrowedHandle<'_>) -> Result<u64, Error> {
    let mut copy: HANDLE = std::ptr::null_mut();
    // SAFETY: the kernel checks the handles, and the place for the new one is borrowed for the call.
    let done = unsafe {
        DuplicateHandle(
            crate::thread::current_process().as_raw_handle(),
            handle.as_raw_handle(),
            process.as_raw_handle(),
            &raw mut copy,
            0,
            0,
            DUPLICATE_SAME_ACCESS,
        )
    };
    if done == 0 { Err(Error::last("DuplicateHandle")) } else { Ok(copy.addr() as u64) }
}

/// Creates a suspended process with a token that is not derived from this process's: the service Secondary Logon does,
/// for a caller with `SeImpersonatePrivilege`.
fn create_by_service(
    token: &Token,
    command: &mut [u16],
    startup: STARTUPINFOW,
) -> Result<PROCESS_INFORMATION, Error> {
    let (startup, _) = announced(startup, None);
    let mut started = PROCESS_INFORMATION::default();
    let none = std::ptr::null();
    // SAFETY: the command line is writable and ends with a zero, and everything else lives until the call returns;
    // the structure begins with the shorter one, whose length is in it.
    let done = unsafe {
        CreateProcessWithTokenW(
            token.as_handle().as_raw_handle(),
            0,
            none,
            command.as_mut_ptr(),
            CREATE_NO_WINDOW | CREATE_SUSPENDED,
            none.cast(),
            none,
            (&raw const startup.StartupInfo),
            &raw mut started,
        )
    };
    if done == 0 { Err(Error::last("CreateProcessWithTokenW")) } else { Ok(started) }
}

/// Creates a suspended process.
fn create(
    token: &Token,
    command: &mut [u16],
    startup: STARTUPINFOW,
    attribute: Option<&mut Attribute>,
) -> Result<PROCESS_INFORMATION, Error> {
    let (startup, extended) = announced(startup, attribute);
    let mut started = PROCESS_INFORMATION::default();
    let none = std::ptr::null();
    // SAFETY: the command line is writable and ends with a zero, and everything else lives until the call
    // returns; the longer structure of the two has its length in it and is announced by its flag.
    let done = unsafe {
        CreateProcessAsUserW(
            token.as_handle().as_raw_handle(),
            none,
            command.as_mut_ptr(),
            none.cast(),
            none.cast(),
            1,
            CREATE_NO_WINDOW | CREATE_SUSPENDED | extended,
            none.cast(),
            none,
            (&raw const startup).cast(),
            &raw mut started,
        )
    };
    if done == 0 { Err(Error::last("CreateProcessAsUserW")) } else { Ok(started) }
}

/// The startup information with its attribute list, and the flag that announces one. Without a list it is the shorter
/// structure: an announced list must not be null.
fn announced(mut startup: STARTUPINFOW, attribute: Option<&mut Attribute>) -> (STARTUPINFOEXW, u32) {
    let (length, list, flag) = match attribute {
        Some(list) => (length::<STARTUPINFOEXW>(), list.pointer(), EXTENDED_STARTUPINFO_PRESENT),
        None => (length::<STARTUPINFOW>(), std::ptr::null_mut(), 0),
    };
    startup.cb = length;
    (STARTUPINFOEXW { StartupInfo: startup, lpAttributeList: list }, flag)
}

/// The creation time of this process, in the unit of `FILETIME`.
///
/// # Errors
/// The error that Windows returns.
pub fn this_started() -> Result<u64, Error> {
    times(crate::thread::current_process()).map_err(|error| error.of("this process"))
}

/// The creation time of the running process with this id, in the unit of `FILETIME`; `None` if there is
/// none.
///
/// # Errors
/// The properties of an existing process.
pub fn started(id: u32) -> Result<Option<u64>, Error> {
    let open = |right| crate::thread::open_process(id, right | PROCESS_SYNCHRONIZE);
    let process = match rights::first(rights::QUERY_PROCESS, open) {
        Ok(process) => process,
        Err(Error { code: Code::Win32(ERROR_INVALID_PARAMETER), .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    // SAFETY: the handle is open.
    match unsafe { WaitForSingleObject(process.as_raw_handle(), 0) } {
        WAIT_OBJECT_0 => Ok(None),
        WAIT_FAILED => Err(Error::last("WaitForSingleObject").of(format!("process {id}"))),
        _ => times(process.as_handle()).map(Some).map_err(|error| error.of(format!("process {id}"))),
    }
}

fn times(process: BorrowedHandle<'_>) -> Result<u64, Error> {
    let [mut created, mut exited, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: the handle is open, and the places for the times are borrowed for the call.
    let done = unsafe {
        GetProcessTimes(
            process.as_raw_handle(),
            &raw mut created,
            &raw mut exited,
            &raw mut kernel,
            &raw mut user,
        )
    };
    let time = u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime);
    if done == 0 { Err(Error::last("GetProcessTimes")) } else { Ok(time) }
}

/// A pipe whose ends are inheritable: the read end and the write end.
fn pipe() -> Result<(OwnedHandle, OwnedHandle), Error> {
    let attributes = SECURITY_ATTRIBUTES {
        nLength: length::<SECURITY_ATTRIBUTES>(),
        lpSecurityDescriptor: std::ptr::null_mut(),
        bInheritHandle: 1,
    };
    let (mut read, mut write): (HANDLE, HANDLE) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the places for the handles and the attributes are borrowed for the call.
    let done = unsafe { CreatePipe(&raw mut read, &raw mut write, &raw const attributes, 0) };
    if done == 0 {
        return Err(Error::last("CreatePipe"));
    }
    // SAFETY: the handle is from that call, which succeeded.
    let read = unsafe { OwnedHandle::from_raw_handle(read) };
    // SAFETY: the handle is from that call, which succeeded.
    let write = unsafe { OwnedHandle::from_raw_handle(write) };
    Ok((read, write))
}

/// Keeps a handle from being inherited: a child that held the other end of its own pipe would never see it
/// closed.
fn keep(handle: &OwnedHandle) -> Result<(), Error> {
    // SAFETY: the handle is open.
    let done = unsafe { SetHandleInformation(handle.as_raw_handle(), HANDLE_FLAG_INHERIT, 0) };
    if done == 0 { Err(Error::last("SetHandleInformation")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_announced_only_where_there_is_one() {
        let (startup, flag) = announced(STARTUPINFOW::default(), None);
        assert_eq!((startup.StartupInfo.cb, flag), (104, 0));
        assert!(startup.lpAttributeList.is_null());

        let job = Job::of_this_process().expect("a job");
        let mut attribute = Attribute::new(job).expect("an attribute");
        let (startup, flag) = announced(STARTUPINFOW::default(), Some(&mut attribute));
        assert_eq!((startup.StartupInfo.cb, flag), (112, EXTENDED_STARTUPINFO_PRESENT));
        assert!(!startup.lpAttributeList.is_null());
    }
}
