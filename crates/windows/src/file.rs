//! Opens of devices, and of what is below them, by their names.
#![allow(unsafe_code)] // NtCreateFile

use crate::error::checked;
use crate::rights::SYNCHRONIZE;
use crate::structure::length;
use crate::token::quality_of_service;
use crate::wide::{unicode_string, wide};
use psimp_model::SecurityQos;
use psimp_nt::Status;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};
use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_SYNCHRONOUS_IO_NONALERT, NtCreateFile,
};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

const CASE_INSENSITIVE: u32 = 0x40;
/// `FILE_SHARE_READ` and `FILE_SHARE_WRITE`.
const SHARED: u32 = 3;

/// What to open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    /// In native notation, or relative to `root`.
    pub(crate) path: &'a str,
    /// The open file that the name is relative to.
    pub(crate) root: Option<BorrowedHandle<'a>>,
    /// What the client allows a server; none leaves the default to the server's device.
    pub(crate) quality: Option<&'a SecurityQos>,
}

impl<'a> Name<'a> {
    /// A name that is relative to nothing, without a quality of service.
    pub(crate) const fn of(path: &'a str) -> Self {
        Self { path, root: None, quality: None }
    }
}

/// Opens it in the calling thread's current security context.
///
/// # Errors
/// The error that Windows returns.
pub(crate) fn open(name: Name<'_>, access: u32, synchronous: bool) -> Result<OwnedHandle, Status> {
    let text = wide(name.path);
    let unicode = unicode_string(&text);
    let dynamic = |quality: &SecurityQos| quality.tracking == SecurityQos::DYNAMIC;
    let quality =
        name.quality.map(|given| quality_of_service(given.level, dynamic(given), given.effective_only));
    let attributes = OBJECT_ATTRIBUTES {
        Length: length::<OBJECT_ATTRIBUTES>(),
        RootDirectory: name.root.map_or(null_mut(), |root| root.as_raw_handle()),
        ObjectName: &raw const unicode,
        Attributes: CASE_INSENSITIVE,
        SecurityQualityOfService: quality.as_ref().map_or(null(), std::ptr::from_ref),
        ..OBJECT_ATTRIBUTES::default()
    };
    // A synchronous handle needs `SYNCHRONIZE` access.
    let (access, synchronous) =
        if synchronous { (access | SYNCHRONIZE, FILE_SYNCHRONOUS_IO_NONALERT) } else { (access, 0) };
    let options = FILE_NON_DIRECTORY_FILE | synchronous;
    let (mut file, mut block): (HANDLE, _) = (null_mut(), IO_STATUS_BLOCK::default());
    // SAFETY: the attributes, what they point to and the places for the results live until the call returns, which
    // is after the open is complete.
    checked(unsafe {
        NtCreateFile(
            &raw mut file,
            access,
            &raw const attributes,
            &raw mut block,
            null(),
            0,
            SHARED,
            FILE_OPEN,
            options,
            null(),
            0,
        )
    })?;
    // SAFETY: the call succeeded, and nothing else owns the handle.
    Ok(unsafe { OwnedHandle::from_raw_handle(file) })
}
