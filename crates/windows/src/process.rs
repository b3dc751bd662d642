//! Child processes that run with their own token and communicate through pipes.
#![allow(unsafe_code)] // CreateProcessAsUserW

use crate::error::Code;
use crate::job::{Attribute, Job};
use crate::object::length;
use crate::wide::wide;
use crate::{Error, Token};
use std::fs::File;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use windows_sys::Win32::Foundation::{
    DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED, FILETIME, HANDLE,
    HANDLE_FLAG_INHERIT, SetHandleInformation, WAIT_OBJECT_0,
};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::System::Pipes::CreatePipe;
use windows_sys::Win32::System::Threading::{
    CREATE_NO_WINDOW, CREATE_SUSPENDED, CreateProcessAsUserW, EXTENDED_STARTUPINFO_PRESENT,
    GetExitCodeProcess, GetProcessTimes, INFINITE, PROCESS_INFORMATION, PROCESS_QUERY_LIMITED_INFORMATION,
    PROCESS_SYNCHRONIZE, ResumeThread, STARTF_USESTDHANDLES, STARTUPINFOEXW, STARTUPINFOW, TerminateProcess,
    WaitForSingleObject,
};

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
    /// The error that Windows returns: `ERROR_PRIVILEGE_NOT_HELD` for a token that is not derived from the
    /// caller's own, without `SeAssignPrimaryTokenPrivilege`.
    pub fn start(token: &Token, arguments: &[&str]) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(|_| Error::last("GetModuleFileNameW"))?;
        let quoted = arguments.iter().fold(String::new(), |text, word| text + " \"" + word + "\"");
        let mut command = wide(&format!("\"{}\"{quoted}", program.display()));
        let (input_end, input) = pipe()?;
        let (output, output_end) = pipe()?;
        keep(&input)?;
        keep(&output)?;
        let startup = STARTUPINFOW {
            cb: length::<STARTUPINFOEXW>(),
            dwFlags: STARTF_USESTDHANDLES,
            hStdInput: input_end.as_raw_handle(),
            hStdOutput: output_end.as_raw_handle(),
            // Its error output goes to this process's error output.
            hStdError: std::io::stderr().as_raw_handle(),
            ..STARTUPINFOW::default()
        };
        let job = Job::of_this_process();
        // In the job at creation, if the system supports that: then it cannot be left running if this
        // process ends in between.
        let mut attribute = job.as_ref().ok().and_then(|job| Attribute::new(job).ok());
        let started = loop {
            let list = attribute.as_mut().map_or(std::ptr::null_mut(), Attribute::pointer);
            let startup = STARTUPINFOEXW { StartupInfo: startup, lpAttributeList: list };
            match (create(token, &mut command, &startup), attribute.take()) {
                (
                    Err(Error { code: Code::Win32(ERROR_INVALID_PARAMETER | ERROR_NOT_SUPPORTED), .. }),
                    Some(_),
                ) => {}
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
        let mut copy: HANDLE = std::ptr::null_mut();
        // SAFETY: the kernel checks the handles, and the place for the new one is borrowed for the call.
        let done = unsafe {
            DuplicateHandle(
                crate::thread::current_process().as_raw_handle(),
                handle.as_raw_handle(),
                self.process.as_raw_handle(),
                &raw mut copy,
                0,
                0,
                DUPLICATE_SAME_ACCESS,
            )
        };
        if done == 0 { Err(Error::last("DuplicateHandle")) } else { Ok(copy.addr() as u64) }
    }

    /// Waits for its end and returns its exit code.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn wait(&mut self) -> Result<u32, Error> {
        drop(self.input.take());
        // SAFETY: the handle is open.
        unsafe { WaitForSingleObject(self.process.as_raw_handle(), INFINITE) };
        let mut code = 0;
        // SAFETY: the handle is open, and the place for the code is borrowed for the call.
        let done = unsafe { GetExitCodeProcess(self.process.as_raw_handle(), &raw mut code) };
        if done == 0 { Err(Error::last("GetExitCodeProcess")) } else { Ok(code) }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: the handle is open. For a process that has ended the call has no effect.
        let _ = unsafe { TerminateProcess(self.process.as_raw_handle(), 1) };
    }
}

/// Creates a suspended process.
fn create(
    token: &Token,
    command: &mut [u16],
    startup: &STARTUPINFOEXW,
) -> Result<PROCESS_INFORMATION, Error> {
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
            CREATE_NO_WINDOW | CREATE_SUSPENDED | EXTENDED_STARTUPINFO_PRESENT,
            none.cast(),
            none,
            (&raw const *startup).cast(),
            &raw mut started,
        )
    };
    if done == 0 { Err(Error::last("CreateProcessAsUserW")) } else { Ok(started) }
}

/// The creation time of the running process with this id, in the unit of `FILETIME`; `None` if there is
/// none.
///
/// # Errors
/// The properties of an existing process.
pub fn started(id: u32) -> Result<Option<u64>, Error> {
    let process =
        match crate::thread::open_process(id, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE) {
            Ok(process) => process,
            Err(Error { code: Code::Win32(ERROR_INVALID_PARAMETER), .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
    // SAFETY: the handle is open.
    if unsafe { WaitForSingleObject(process.as_raw_handle(), 0) } == WAIT_OBJECT_0 {
        return Ok(None);
    }
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
    if done == 0 { Err(Error::last("GetProcessTimes")) } else { Ok(Some(time)) }
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
