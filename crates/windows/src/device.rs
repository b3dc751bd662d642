//! The driver's device, and requests to it.
#![allow(unsafe_code)] // native calls

use crate::error::checked;
use crate::file::{self, Name};
use crate::ntdll;
pub use crate::values::Waiting;
use psimp_model::SecurityQos;
use psimp_nt::Status;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};
use windows_sys::Wdk::Storage::FileSystem::NtCreateEvent;
use windows_sys::Wdk::System::IO::NtDeviceIoControlFile;
use windows_sys::Wdk::System::Threading::NtWaitForSingleObject;
use windows_sys::Win32::Foundation::{HANDLE, STATUS_PENDING};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use windows_sys::Win32::System::Kernel::NotificationEvent;

const EVENT_ALL_ACCESS: u32 = 0x001F_0003;

/// The device that [`Device::open`] opens, in native notation: `\\.\PsImpersonate`.
pub const PATH: &str = r"\??\PsImpersonate";

/// An open device.
#[derive(Debug)]
pub struct Device {
    file: OwnedHandle,
    waiting: Waiting,
}

impl Device {
    /// Opens the device with this access, such as `FILE_READ_DATA`, in the calling thread's current security
    /// context.
    ///
    /// # Errors
    /// The error that Windows returns: `STATUS_OBJECT_NAME_NOT_FOUND` without the driver.
    pub fn open(access: u32, waiting: Waiting) -> Result<Self, Status> {
        let file = file::open(Name::of(PATH), access, waiting == Waiting::Kernel)?;
        Ok(Self { file, waiting })
    }

    /// Opens a name below the device, such as `\Client`, with a quality of service as `NtCreateFile` takes it.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn open_name(name: &str, access: u32, quality: Option<&SecurityQos>) -> Result<Self, Status> {
        let path = format!("{PATH}{name}");
        let file = file::open(Name { quality, ..Name::of(&path) }, access, true)?;
        Ok(Self { file, waiting: Waiting::Kernel })
    }

    /// Opens a name relative to this handle.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn open_relative(&self, name: &str, access: u32) -> Result<Self, Status> {
        let name = Name { root: Some(self.as_handle()), ..Name::of(name) };
        let file = file::open(name, access, true)?;
        Ok(Self { file, waiting: Waiting::Kernel })
    }

    /// The device by a synchronous handle that another process has opened.
    pub const fn given(file: OwnedHandle) -> Self {
        Self { file, waiting: Waiting::Kernel }
    }

    /// Cancels the requests in flight on this handle.
    ///
    /// # Errors
    /// `STATUS_NOT_FOUND` if there is none.
    pub fn cancel(&self) -> Result<(), Status> {
        ntdll::cancel_io(self.file.as_raw_handle())
    }

    /// Sends a request and waits for it; returns how many bytes of `output` the driver wrote.
    ///
    /// # Errors
    /// The status with which the request was completed or the I/O manager refused it. A warning, such as
    /// `STATUS_BUFFER_OVERFLOW`, is an error too.
    pub fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Status> {
        let (Ok(input_length), Ok(output_length)) = (u32::try_from(input.len()), u32::try_from(output.len()))
        else {
            return Err(Status::INVALID_PARAMETER);
        };
        let event = match self.waiting {
            Waiting::Kernel => None,
            Waiting::Caller => Some(event()?),
        };
        let mut block = IO_STATUS_BLOCK::default();
        // SAFETY: the kernel checks the handles; both buffers have the given lengths, and they and the status
        // block live until the request is complete: a synchronous handle returns no earlier, and below nothing
        // returns before the event of an overlapped one is set.
        let status = unsafe {
            NtDeviceIoControlFile(
                self.file.as_raw_handle(),
                event.as_ref().map_or(null_mut(), AsRawHandle::as_raw_handle),
                None,
                null(),
                &raw mut block,
                code,
                input.as_ptr().cast(),
                input_length,
                output.as_mut_ptr().cast(),
                output_length,
            )
        };
        if status != STATUS_PENDING {
            // A request that failed immediately, in the I/O manager or the driver, has no status in the block.
            checked(status)?;
            return Ok(block.Information);
        }
        wait(event.as_ref().unwrap_or(&self.file));
        // SAFETY: the request is complete, and every value of the union is a number.
        checked(unsafe { block.Anonymous.Status })?;
        Ok(block.Information)
    }
}

impl AsHandle for Device {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.file.as_handle()
    }
}

fn event() -> Result<OwnedHandle, Status> {
    let mut event: HANDLE = null_mut();
    // SAFETY: the place for the handle is borrowed for the call; an event needs no attributes.
    checked(unsafe { NtCreateEvent(&raw mut event, EVENT_ALL_ACCESS, null(), NotificationEvent, false) })?;
    // SAFETY: the call succeeded, and nothing else owns the handle.
    Ok(unsafe { OwnedHandle::from_raw_handle(event) })
}

/// Waits until the kernel has written the results. The kernel uses the caller's buffers until then, so a failed
/// wait must not be ignored.
fn wait(handle: &OwnedHandle) {
    // SAFETY: the handle is open, and there is no time limit.
    let status = unsafe { NtWaitForSingleObject(handle.as_raw_handle(), false, null_mut()) };
    if checked(status).is_err() {
        std::process::abort();
    }
}
