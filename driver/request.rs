//! I/O requests that are completed exactly once.
//!
//! Both kinds are handled at `PASSIVE_LEVEL`; a device control request may arrive above it, and all
//! its methods work up to `DISPATCH_LEVEL`.

use crate::kernel::check;
use crate::wdf::File;
use core::cell::Cell;
use core::{ptr, slice};
use psimp_nt::Status;
use psimp_protocol::Ioctl;
use wdk_sys::{
    _MODE::UserMode, _WDF_REQUEST_TYPE::WdfRequestTypeDeviceControl, FILE_OPENED, PIO_SECURITY_CONTEXT,
    PVOID, SECURITY_QUALITY_OF_SERVICE, WDF_REQUEST_PARAMETERS, WDFFILEOBJECT, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

/// A request that this driver owns. [`Handle::complete`] consumes it, so it is completed at most
/// once; the one callback that creates it completes it on its only exit path, so at least once.
struct Handle(WDFREQUEST);

impl Handle {
    fn parameters(&self) -> WDF_REQUEST_PARAMETERS {
        let mut parameters = WDF_REQUEST_PARAMETERS {
            #[allow(clippy::cast_possible_truncation)] // 40 bytes
            Size: size_of::<WDF_REQUEST_PARAMETERS>() as u16,
            ..WDF_REQUEST_PARAMETERS::default()
        };
        // SAFETY: the request is not completed as long as `self` exists; the pointer is to a local.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetParameters, self.0, &raw mut parameters) };
        parameters
    }

    fn complete(self, status: Status, information: u64) {
        let status = status.0.cast_signed();
        // SAFETY: `self` owned the request and is gone.
        unsafe {
            call_unsafe_wdf_function_binding!(WdfRequestCompleteWithInformation, self.0, status, information);
        };
    }
}

/// A request to the device.
pub(crate) struct Request {
    handle: Handle,
    output: Cell<Output>,
}

/// The parameters of a device control request.
pub(crate) struct DeviceControl {
    /// Control code.
    pub(crate) code: u32,
    /// Bytes sent.
    pub(crate) input_length: usize,
    /// The length of the caller's output buffer in bytes.
    pub(crate) output_length: usize,
}

/// The destination of a reply: the system buffer, which holds the input until then.
#[derive(Clone, Copy)]
struct Output {
    buffer: *mut u8,
    length: usize,
}

impl Output {
    /// There is no room for a reply.
    const NONE: Self = Self { buffer: ptr::null_mut(), length: 0 };
}

impl Request {
    /// Takes over a request.
    ///
    /// # Safety
    /// The driver owns `request`, which is valid and not yet completed, and does not use the handle
    /// otherwise.
    pub(crate) unsafe fn new(request: WDFREQUEST) -> Self {
        Self { handle: Handle(request), output: Cell::new(Output::NONE) }
    }

    /// The parameters, when the request is a device control from outside.
    ///
    /// # Errors
    /// `INVALID_DEVICE_REQUEST` for a read, a write or anything else.
    pub(crate) fn device_control(&self) -> Result<DeviceControl, Status> {
        let parameters = self.handle.parameters();
        if parameters.Type != WdfRequestTypeDeviceControl {
            return Err(Status::INVALID_DEVICE_REQUEST);
        }
        // SAFETY: the type determines which member of the union the framework wrote.
        let control = unsafe { parameters.Parameters.DeviceIoControl };
        Ok(DeviceControl {
            code: control.IoControlCode,
            input_length: control.InputBufferLength,
            output_length: control.OutputBufferLength,
        })
    }

    /// Whether the request came from user mode.
    pub(crate) fn is_from_user_mode(&self) -> bool {
        // SAFETY: the request is not completed as long as `self` exists.
        let mode = unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetRequestorMode, self.handle.0) };
        i32::from(mode) == UserMode
    }

    /// The file object that the request was sent on, if there is one.
    pub(crate) fn file_object(&self) -> Option<File<'_>> {
        // SAFETY: the request is not completed as long as `self` exists.
        let file = unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetFileObject, self.handle.0) };
        // SAFETY: a request keeps its file object open until it is completed.
        (!file.is_null()).then(|| unsafe { File::new(file) })
    }

    /// The input bytes, in the system buffer that [`Request::complete`] overwrites.
    /// Empty for a code that is not in the table, which is refused without its input: its transfer
    /// method is the caller's choice.
    ///
    /// # Errors
    /// The framework's error.
    pub(crate) fn input(&self, control: &DeviceControl) -> Result<&[u8], Status> {
        let length = control.input_length;
        if length == 0 || Ioctl::by_code(control.code).is_none() {
            return Ok(&[]);
        }
        let mut buffer: PVOID = ptr::null_mut();
        // SAFETY: the request is not completed as long as `self` exists.
        check(unsafe {
            call_unsafe_wdf_function_binding!(
                WdfRequestRetrieveInputBuffer,
                self.handle.0,
                length,
                &raw mut buffer,
                ptr::null_mut()
            )
        })?;
        // SAFETY: the framework returned a buffer of at least `length` bytes
        // that lives as long as the request, and is not written meanwhile:
        // every code in the table is METHOD_BUFFERED, so it is the kernel's own
        // copy.
        Ok(unsafe { slice::from_raw_parts(buffer.cast(), length) })
    }

    /// Retrieves the output buffer, if the caller's has room for the reply to this control code;
    /// [`Request::complete`] writes the reply there. Returns the length of the caller's buffer.
    ///
    /// # Errors
    /// The framework's error.
    pub(crate) fn prepare_output(&self, control: &DeviceControl) -> Result<usize, Status> {
        let length = Ioctl::by_code(control.code).map_or(0, Ioctl::output);
        let mut buffer: PVOID = ptr::null_mut();
        if length == 0 || length > control.output_length {
            return Ok(control.output_length);
        }
        // SAFETY: the request is not completed as long as `self` exists.
        check(unsafe {
            call_unsafe_wdf_function_binding!(
                WdfRequestRetrieveOutputBuffer,
                self.handle.0,
                length,
                &raw mut buffer,
                ptr::null_mut()
            )
        })?;
        self.output.set(Output { buffer: buffer.cast(), length });
        Ok(control.output_length)
    }

    /// Completes the request with a reply, or with a status and no bytes.
    pub(crate) fn complete(mut self, result: Result<&[u8], Status>) {
        let (status, information) = match result {
            Ok(reply) => (Status::SUCCESS, self.write(reply)),
            Err(status) => (status, 0),
        };
        self.handle.complete(status, information);
    }

    /// Writes a reply to the output buffer; returns the number of bytes written. `&mut`, so that
    /// no slice of the input, which is in the same buffer, is alive.
    fn write(&mut self, reply: &[u8]) -> u64 {
        let output = self.output.get();
        let length = reply.len().min(output.length);
        if length == 0 {
            return 0;
        }
        // SAFETY: the framework returned a buffer of at least `output.length` bytes for this
        // request, which is not completed; `reply` is not in it, and no slice of the input is
        // alive.
        unsafe { ptr::copy_nonoverlapping(reply.as_ptr(), output.buffer, length) };
        length as u64
    }
}

/// A create request that this driver owns, with the file object that it opens.
pub(crate) struct Create {
    handle: Handle,
    file: WDFFILEOBJECT,
    /// Null, or valid as long as the create is in progress.
    security: PIO_SECURITY_CONTEXT,
}

impl Create {
    /// Takes over a create request.
    ///
    /// # Safety
    /// The driver owns `request`, which is a create, valid, for `file` and not yet completed, and
    /// does not use its handle otherwise.
    pub(crate) unsafe fn new(request: WDFREQUEST, file: WDFFILEOBJECT) -> Self {
        let handle = Handle(request);
        let parameters = handle.parameters();
        // SAFETY: the request is a create, so this is the member that the framework wrote.
        let security = unsafe { parameters.Parameters.Create }.SecurityContext;
        Self { handle, file, security }
    }

    /// The file object that is being opened. It exists, but has no context yet.
    pub(crate) fn file_object(&self) -> WDFFILEOBJECT {
        self.file
    }

    /// Whether the name is relative to another file (`OBJECT_ATTRIBUTES.RootDirectory`).
    pub(crate) fn is_relative(&self) -> bool {
        // SAFETY: the file object lives as long as its create is in progress.
        let object = unsafe { call_unsafe_wdf_function_binding!(WdfFileObjectWdmGetFileObject, self.file) };
        // SAFETY: the create is not completed, and a create without a `FILE_OBJECT` does not get here:
        // the framework fails it, unless the device is exclusive.
        let related = unsafe { (*object).RelatedFileObject };
        !related.is_null()
    }

    /// The name that is opened below the device; empty for the device itself.
    pub(crate) fn name(&self) -> &[u16] {
        // SAFETY: the file object lives as long as its create is in progress.
        let name = unsafe { call_unsafe_wdf_function_binding!(WdfFileObjectGetFileName, self.file) };
        // SAFETY: the name of a file object, if it has one, is valid until it is closed.
        let Some(name) = (unsafe { name.as_ref() }) else { return &[] };
        let length = usize::from(name.Length / 2);
        if length == 0 || name.Buffer.is_null() {
            return &[];
        }
        // SAFETY: a `UNICODE_STRING` has `Length` bytes, and this one does not change.
        unsafe { slice::from_raw_parts(name.Buffer, length) }
    }

    /// The desired access, with generic rights mapped.
    pub(crate) fn desired_access(&self) -> u32 {
        // SAFETY: null, or valid as long as the create is in progress.
        unsafe { self.security.as_ref() }.map_or(0, |security| security.DesiredAccess)
    }

    /// The quality of service that the client requested; `None` when it passed none.
    ///
    /// The documentation of `IO_SECURITY_CONTEXT` reserves the member for the system. File systems that
    /// serve clients read it, and nothing else tells a driver what the client allows.
    pub(crate) fn quality_of_service(&self) -> Option<SECURITY_QUALITY_OF_SERVICE> {
        // SAFETY: null, or valid as long as the create is in progress.
        let security = unsafe { self.security.as_ref() }?;
        // SAFETY: null, or the kernel's own copy, valid as long.
        unsafe { security.SecurityQos.as_ref() }.copied()
    }

    /// Completes the request: the file object is open, or the create fails with a status. The
    /// disposition is ignored: what is opened exists, so the caller is told `FILE_OPENED`.
    pub(crate) fn complete(self, result: Result<(), Status>) {
        match result {
            Ok(()) => self.handle.complete(Status::SUCCESS, FILE_OPENED.into()),
            Err(status) => self.handle.complete(status, 0),
        }
    }
}
