//! The running processes and threads.
#![allow(unsafe_code)] // tool help

use crate::Error;
use crate::error::Code;
use crate::structure::length;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use windows_sys::Win32::Foundation::{ERROR_NO_MORE_FILES, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
    TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};

/// The processes and threads at one time.
#[derive(Debug)]
pub struct Snapshot(OwnedHandle);

/// A process of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// File name of its image.
    pub name: String,
}

/// A thread of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub id: u32,
    /// Id of its process.
    pub process: u32,
}

impl Snapshot {
    /// A snapshot of all processes and their threads.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn take() -> Result<Self, Error> {
        // SAFETY: it takes numbers.
        let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS | TH32CS_SNAPTHREAD, 0) };
        if snapshot == INVALID_HANDLE_VALUE {
            return Err(Error::last("CreateToolhelp32Snapshot"));
        }
        // SAFETY: the call succeeded, and nothing else owns the handle.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(snapshot) }))
    }

    /// The process with this id; `None` if there is none.
    ///
    /// # Errors
    /// The error that Windows returns before the end of the list.
    pub fn process(&self, id: u32) -> Result<Option<Process>, Error> {
        let mut entry = PROCESSENTRY32W { dwSize: length::<PROCESSENTRY32W>(), ..PROCESSENTRY32W::default() };
        // SAFETY: the handle is open, and the entry has its length in it.
        let first = unsafe { Process32FirstW(self.0.as_raw_handle(), &raw mut entry) };
        let mut more = listed("Process32FirstW", first)?;
        while more {
            if entry.th32ProcessID == id {
                let end = entry.szExeFile.iter().position(|&unit| unit == 0);
                let name = entry.szExeFile.get(..end.unwrap_or(entry.szExeFile.len())).unwrap_or_default();
                return Ok(Some(Process { id, name: String::from_utf16_lossy(name) }));
            }
            // SAFETY: as above.
            let next = unsafe { Process32NextW(self.0.as_raw_handle(), &raw mut entry) };
            more = listed("Process32NextW", next)?;
        }
        Ok(None)
    }

    /// The threads of a process, in the system's order.
    ///
    /// # Errors
    /// The error that Windows returns before the end of the list.
    pub fn threads(&self, process: u32) -> Result<Vec<Thread>, Error> {
        self.threads_that(|thread| thread.process == process)
    }

    /// The thread with this id; `None` if there is none.
    ///
    /// # Errors
    /// The error that Windows returns before the end of the list.
    pub fn thread(&self, id: u32) -> Result<Option<Thread>, Error> {
        self.threads_that(|thread| thread.id == id).map(|threads| threads.first().copied())
    }

    fn threads_that(&self, wanted: impl Fn(&Thread) -> bool) -> Result<Vec<Thread>, Error> {
        let mut threads = Vec::new();
        let mut entry = THREADENTRY32 { dwSize: length::<THREADENTRY32>(), ..THREADENTRY32::default() };
        // SAFETY: the handle is open, and the entry has its length in it.
        let first = unsafe { Thread32First(self.0.as_raw_handle(), &raw mut entry) };
        let mut more = listed("Thread32First", first)?;
        while more {
            let thread = Thread { id: entry.th32ThreadID, process: entry.th32OwnerProcessID };
            if wanted(&thread) {
                threads.push(thread);
            }
            // SAFETY: as above.
            let next = unsafe { Thread32Next(self.0.as_raw_handle(), &raw mut entry) };
            more = listed("Thread32Next", next)?;
        }
        Ok(threads)
    }
}

/// Whether an entry was read; if not, the list has to be at its end.
fn listed(call: &'static str, done: i32) -> Result<bool, Error> {
    if done != 0 {
        return Ok(true);
    }
    let error = Error::last(call);
    if error.code == Code::Win32(ERROR_NO_MORE_FILES) { Ok(false) } else { Err(error) }
}
