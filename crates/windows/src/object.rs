//! Objects with descriptors, to test the access of a thread.
//!
//! They are events in a directory of the object manager that has no name: nothing
//! is left when the handles are closed, and no other directory's descriptor is in
//! the way.
#![allow(unsafe_code)] // native calls

use crate::Error;
use crate::error::checked;
use crate::wide::{unicode_string, wide};
use psimp_nt::{Sid, Status};
use std::ffi::c_void;
use std::fmt::Write as _;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::NonNull;
use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{NtCreateDirectoryObject, NtCreateEvent};
use windows_sys::Wdk::System::Threading::NtOpenEvent;
use windows_sys::Win32::Foundation::{HANDLE, LocalFree, UNICODE_STRING};
use windows_sys::Win32::Security::Authorization::ConvertStringSecurityDescriptorToSecurityDescriptorW;
use windows_sys::Win32::System::Kernel::NotificationEvent;

/// `EVENT_ALL_ACCESS` and `DIRECTORY_ALL_ACCESS`.
const EVENT_ALL_ACCESS: u32 = 0x001F_0003;
const DIRECTORY_ALL_ACCESS: u32 = 0x000F_000F;
const CASE_INSENSITIVE: u32 = 0x40;

/// A security descriptor.
#[derive(Debug)]
pub struct Descriptor(NonNull<c_void>);

impl Descriptor {
    /// A descriptor that grants everything to these SIDs, at any integrity, and
    /// nothing to others.
    ///
    /// # Errors
    /// The error that Windows returns for its text.
    pub fn granting(granted: &[Sid]) -> Result<Self, Error> {
        let entries = granted.iter().fold(String::new(), |mut text, sid| {
            let _ = write!(text, "(A;;GA;;;{sid})");
            text
        });
        Self::of(&format!("D:P{entries}{ANY_INTEGRITY}"))
    }

    /// A descriptor without a DACL, which grants everything to everybody, at any
    /// integrity.
    ///
    /// # Errors
    /// The error that Windows returns for its text.
    pub fn null_dacl() -> Result<Self, Error> {
        Self::of(&format!("D:NO_ACCESS_CONTROL{ANY_INTEGRITY}"))
    }

    /// The descriptor that a text in the security descriptor definition language
    /// means.
    ///
    /// # Errors
    /// The error that Windows returns for the text.
    pub fn of(sddl: &str) -> Result<Self, Error> {
        let call = "ConvertStringSecurityDescriptorToSecurityDescriptorW";
        let (text, mut descriptor) = (wide(sddl), std::ptr::null_mut());
        // SAFETY: the text ends with a zero, and the place for the result is borrowed for the call.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                1,
                &raw mut descriptor,
                std::ptr::null_mut(),
            )
        };
        if done == 0 {
            return Err(Error::last(call));
        }
        NonNull::new(descriptor).map(Self).ok_or(Error::win32(call, 0))
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.0.as_ptr()
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the block comes from the conversion, which allocates it for LocalFree.
        let _ = unsafe { LocalFree(self.0.as_ptr()) };
    }
}

/// The label S-1-16-0, so that integrity levels do not matter.
const ANY_INTEGRITY: &str = "S:(ML;;NW;;;S-1-16-0)";

/// An event in a directory of its own.
#[derive(Debug)]
pub struct Event {
    directory: OwnedHandle,
    _event: OwnedHandle,
}

impl Event {
    /// Creates an event with this descriptor, or without one.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn create(descriptor: Option<&Descriptor>) -> Result<Self, Error> {
        let anybody = Descriptor::of(&format!("D:P(A;;GA;;;WD)(A;;GA;;;AN)(A;;GA;;;RC){ANY_INTEGRITY}"))?;
        let attributes = attributes(None, None, Some(&anybody));
        let mut directory = std::ptr::null_mut();
        // SAFETY: the attributes and what they point to live until the call returns.
        let created = unsafe {
            NtCreateDirectoryObject(&raw mut directory, DIRECTORY_ALL_ACCESS, &raw const attributes)
        };
        // SAFETY: the handle is from that call.
        let directory = unsafe { owned("NtCreateDirectoryObject", created, directory) }?;

        let text = wide(NAME);
        let name = unicode_string(&text);
        let attributes = self::attributes(Some(&directory), Some(&name), descriptor);
        let mut event = std::ptr::null_mut();
        // SAFETY: the attributes and what they point to live until the call returns.
        let created = unsafe {
            NtCreateEvent(&raw mut event, EVENT_ALL_ACCESS, &raw const attributes, NotificationEvent, false)
        };
        // SAFETY: the handle is from that call.
        let event = unsafe { owned("NtCreateEvent", created, event) }?;
        Ok(Self { directory, _event: event })
    }

    /// Opens the event by its name, as the thread now is.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn open(&self, desired: u32) -> Result<OwnedHandle, Status> {
        let text = wide(NAME);
        let name = unicode_string(&text);
        let attributes = attributes(Some(&self.directory), Some(&name), None);
        let mut event = std::ptr::null_mut();
        // SAFETY: the attributes and what they point to live until the call returns.
        checked(unsafe { NtOpenEvent(&raw mut event, desired, &raw const attributes) })?;
        // SAFETY: the call succeeded, and nothing else owns the handle.
        Ok(unsafe { OwnedHandle::from_raw_handle(event) })
    }
}

const NAME: &str = "event";

fn attributes(
    directory: Option<&OwnedHandle>,
    name: Option<&UNICODE_STRING>,
    descriptor: Option<&Descriptor>,
) -> OBJECT_ATTRIBUTES {
    OBJECT_ATTRIBUTES {
        Length: length::<OBJECT_ATTRIBUTES>(),
        RootDirectory: directory.map_or(std::ptr::null_mut(), AsRawHandle::as_raw_handle),
        ObjectName: name.map_or(std::ptr::null(), std::ptr::from_ref),
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

/// The length of a structure, as the native calls take it.
pub(crate) fn length<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}
