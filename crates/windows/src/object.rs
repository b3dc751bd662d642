//! Objects with descriptors, to test the access of a thread.
//!
//! They are events in a directory of the object manager with a random name: nothing is left when the handles are
//! closed. A directory without a name would get no descriptor from most kernels, and would let nobody through who does
//! not have `SeChangeNotifyPrivilege`.
#![allow(unsafe_code)] // native calls

pub use crate::descriptor::Descriptor;

use crate::error::checked;
use crate::structure::length;
use crate::token::{QUERY, Token};
use crate::wide::{unicode_string, wide};
use crate::{Error, random, thread};
use psimp_nt::{Sid, Status};
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::sync::OnceLock;
use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{NtCreateDirectoryObject, NtCreateEvent};
use windows_sys::Wdk::System::Threading::NtOpenEvent;
use windows_sys::Win32::Foundation::{HANDLE, UNICODE_STRING};
use windows_sys::Win32::System::Kernel::NotificationEvent;

/// `EVENT_ALL_ACCESS` and `DIRECTORY_ALL_ACCESS`.
const EVENT_ALL_ACCESS: u32 = 0x001F_0003;
const DIRECTORY_ALL_ACCESS: u32 = 0x000F_000F;
const CASE_INSENSITIVE: u32 = 0x40;

/// `NT AUTHORITY\RESTRICTED`.
const RESTRICTED: Sid = Sid::new(5, &[12]);

impl Descriptor {
    /// A descriptor that grants everything to these SIDs and nothing to others. The owner has to be the user of the
    /// process that creates an object with it.
    ///
    /// # Errors
    /// Why it cannot be determined whether there are integrity levels, or be made.
    pub fn granting(owner: &Sid, granted: &[Sid]) -> Result<Self, Error> {
        Self::self_relative(owner, Some(granted), has_integrity_levels()?)
    }

    /// A descriptor with a null DACL, which grants everything to everybody.
    ///
    /// # Errors
    /// Why it cannot be determined whether there are integrity levels.
    pub fn null_dacl(owner: &Sid) -> Result<Self, Error> {
        Self::self_relative(owner, None, has_integrity_levels()?)
    }
}

/// Whether tokens have integrity levels here. The first call must not be made while impersonating.
fn has_integrity_levels() -> Result<bool, Error> {
    static LEVELS: OnceLock<Result<bool, Error>> = OnceLock::new();
    let levels = LEVELS.get_or_init(|| {
        let own = "this process's token";
        let token = Token::of_process(thread::current_process(), QUERY);
        let token = token.map_err(|status| Error::status("NtOpenProcessToken", status).of(own))?;
        let told = token.information();
        let told = told.map_err(|status| Error::status("NtQueryInformationToken", status).of(own))?;
        Ok(told.integrity.is_some())
    });
    levels.clone()
}

/// An event in a directory of its own.
#[derive(Debug)]
pub struct Event {
    directory: OwnedHandle,
    opened: OwnedHandle,
    path: String,
}

impl Event {
    /// Creates an event with this descriptor, in a directory that everybody may use.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn create(owner: &Sid, descriptor: &Descriptor) -> Result<Self, Error> {
        let anybody = Descriptor::granting(owner, &[Sid::EVERYONE, Sid::ANONYMOUS_LOGON, RESTRICTED])?;
        Self::create_in(&anybody, descriptor)
    }

    /// Creates an event with this descriptor, in a directory with another.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn create_in(directory: &Descriptor, descriptor: &Descriptor) -> Result<Self, Error> {
        let path = format!(r"\BaseNamedObjects\psimp-{:016x}", u64::from_ne_bytes(random::bytes()?));
        let text = wide(&path);
        let name = unicode_string(&text);
        let attributes = attributes(None, &name, Some(directory));
        let mut directory = std::ptr::null_mut();
        // SAFETY: the attributes and what they point to live until the call returns.
        let created = unsafe {
            NtCreateDirectoryObject(&raw mut directory, DIRECTORY_ALL_ACCESS, &raw const attributes)
        };
        // SAFETY: the handle is from that call.
        let directory = unsafe { owned("NtCreateDirectoryObject", created, directory) };
        let directory = directory.map_err(|error| error.of(&path))?;

        let text = wide(NAME);
        let name = unicode_string(&text);
        let attributes = self::attributes(Some(&directory), &name, Some(descriptor));
        let mut event = std::ptr::null_mut();
        // SAFETY: the attributes and what they point to live until the call returns.
        let created = unsafe {
            NtCreateEvent(&raw mut event, EVENT_ALL_ACCESS, &raw const attributes, NotificationEvent, false)
        };
        // SAFETY: the handle is from that call.
        let event = unsafe { owned("NtCreateEvent", created, event) };
        let event = event.map_err(|error| error.of(format!(r"{path}\{NAME}")))?;
        let path = format!(r"{path}\{NAME}");
        Ok(Self { directory, opened: event, path })
    }

    /// Its name, by which other processes open it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Opens the event by its name, as the thread now is.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn open(&self, desired: u32) -> Result<OwnedHandle, Status> {
        open_in(Some(&self.directory), NAME, desired)
    }
}

impl AsHandle for Event {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.opened.as_handle()
    }
}

/// Opens an event by [`Event::path`], as the thread now is.
///
/// # Errors
/// The error that Windows returns.
pub fn open(path: &str, desired: u32) -> Result<OwnedHandle, Status> {
    open_in(None, path, desired)
}

fn open_in(directory: Option<&OwnedHandle>, name: &str, desired: u32) -> Result<OwnedHandle, Status> {
    let text = wide(name);
    let name = unicode_string(&text);
    let attributes = attributes(directory, &name, None);
    let mut event = std::ptr::null_mut();
    // SAFETY: the attributes and what they point to live until the call returns.
    checked(unsafe { NtOpenEvent(&raw mut event, desired, &raw const attributes) })?;
    // SAFETY: the call succeeded, and nothing else owns the handle.
    Ok(unsafe { OwnedHandle::from_raw_handle(event) })
}

const NAME: &str = "event";

fn attributes(
    directory: Option<&OwnedHandle>,
    name: &UNICODE_STRING,
    descriptor: Option<&Descriptor>,
) -> OBJECT_ATTRIBUTES {
    OBJECT_ATTRIBUTES {
        Length: length::<OBJECT_ATTRIBUTES>(),
        RootDirectory: directory.map_or(std::ptr::null_mut(), AsRawHandle::as_raw_handle),
        ObjectName: std::ptr::from_ref(name),
        Attributes: CASE_INSENSITIVE,
        SecurityDescriptor: descriptor.map_or(std::ptr::null(), |descriptor| descriptor.pointer().cast()),
        SecurityQualityOfService: std::ptr::null(),
    }
}

/// The handle that a call created.
///
/// # Safety
/// If the status is a success, the handle is open and no other code closes it.
unsafe fn owned(call: &'static str, status: i32, handle: HANDLE) -> Result<OwnedHandle, Error> {
    checked(status).map_err(|status| Error::status(call, status))?;
    // SAFETY: the call succeeded; the rest is the caller's promise.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}
