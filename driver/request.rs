//! I/O requests that are completed exactly once.

use core::{ptr, slice};
use psimp_nt::Status;
use psimp_protocol::{CLIENT_NAME, Ioctl};
use psimp_service::Reply;
use wdk_sys::{
    _MODE::UserMode, _WDF_REQUEST_TYPE::WdfRequestTypeDeviceControl, NTSTATUS, PIO_SECURITY_CONTEXT, PVOID,
    SECURITY_QUALITY_OF_SERVICE, WDF_REQUEST_PARAMETERS, WDFFILEOBJECT, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

/// A request that this driver owns. [`Request::complete`] consumes it, so it is
/// completed at most once; the one callback that makes it does so on its only way
/// out, so at least once.
pub(crate) struct Request(WDFREQUEST);

/// The parameters of a device control request.
pub(crate) struct DeviceControl {
    /// Control code.
    pub(crate) code: u32,
    /// Bytes sent.
    pub(crate) input_length: usize,
    /// Bytes that the caller's output buffer takes.
    pub(crate) output_length: usize,
}

/// Where a reply goes: into the system buffer, which the input is in until then.
pub(crate) struct Output {
    buffer: *mut u8,
    length: usize,
}

impl Output {
    /// There is no place for a reply.
    pub(crate) const NOWHERE: Self = Self { buffer: ptr::null_mut(), length: 0 };
}

impl Request {
    /// Takes over a request.
    ///
    /// # Safety
    /// The driver owns `request`, which is valid and not yet completed, and has
    /// no other use for the handle.
    pub(crate) unsafe fn new(request: WDFREQUEST) -> Self {
        Self(request)
    }

    /// The parameters, when the request is a device control from outside.
    ///
    /// # Errors
    /// `INVALID_DEVICE_REQUEST` for a read, a write or anything else.
    pub(crate) fn device_control(&self) -> Result<DeviceControl, Status> {
        let parameters = parameters(self.0);
        if parameters.Type != WdfRequestTypeDeviceControl {
            return Err(Status::INVALID_DEVICE_REQUEST);
        }
        // SAFETY: the type says which member of the union the framework wrote.
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
        let mode = unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetRequestorMode, self.0) };
        i32::from(mode) == UserMode
    }

    /// The file object that the request was sent on.
    pub(crate) fn file_object(&self) -> WDFFILEOBJECT {
        // SAFETY: the request is not completed as long as `self` exists.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetFileObject, self.0) }
    }

    /// The input bytes, in the system buffer that the output will overwrite; so
    /// whoever reads them is done before [`Request::complete`] takes `self`.
    /// None for a code that is not in the table, whose transfer method nobody
    /// has chosen: it is refused without them.
    ///
    /// # Errors
    /// What the framework fails with.
    pub(crate) fn input(&self, control: &DeviceControl) -> Result<&[u8], Status> {
        let length = control.input_length;
        if length == 0 || Ioctl::by_code(control.code).is_none() {
            return Ok(&[]);
        }
        let mut buffer: PVOID = ptr::null_mut();
        // SAFETY: the request is not completed as long as `self` exists.
        status(unsafe {
            call_unsafe_wdf_function_binding!(
                WdfRequestRetrieveInputBuffer,
                self.0,
                length,
                &raw mut buffer,
                ptr::null_mut()
            )
        })?;
        // SAFETY: the framework returned a buffer of at least `length` bytes
        // that lives as long as the request, and nobody writes it meanwhile:
        // every code in the table is METHOD_BUFFERED, so it is the kernel's own
        // copy.
        Ok(unsafe { slice::from_raw_parts(buffer.cast(), length) })
    }

    /// Where the reply to this control code goes. There is no place for it where
    /// the caller's buffer is too small, and none for a code that is none.
    ///
    /// # Errors
    /// What the framework fails with.
    pub(crate) fn output(&self, control: &DeviceControl) -> Result<Output, Status> {
        let length = Ioctl::by_code(control.code).map_or(0, |row| row.output);
        let mut buffer: PVOID = ptr::null_mut();
        if length == 0 || length > control.output_length {
            return Ok(Output::NOWHERE);
        }
        // SAFETY: the request is not completed as long as `self` exists.
        status(unsafe {
            call_unsafe_wdf_function_binding!(
                WdfRequestRetrieveOutputBuffer,
                self.0,
                length,
                &raw mut buffer,
                ptr::null_mut()
            )
        })?;
        Ok(Output { buffer: buffer.cast(), length })
    }

    /// Completes the request with a reply, or with a status and no bytes.
    pub(crate) fn complete(self, result: &Result<Reply, Status>, output: &Output) {
        let (status, information) = match result {
            Ok(reply) => (Status::SUCCESS, self.write(reply.as_bytes(), output)),
            Err(status) => (*status, 0),
        };
        let Self(request) = self;
        // SAFETY: `self` owned the request and is gone.
        unsafe { complete(request, status, information) };
    }

    /// Writes a reply to where it goes; says how many bytes that were.
    #[allow(clippy::unused_self)] // the request, and with it its buffer, is not completed yet
    fn write(&self, reply: &[u8], output: &Output) -> u64 {
        let length = reply.len().min(output.length);
        if length == 0 {
            return 0;
        }
        // SAFETY: the framework returned a buffer of at least `output.length`
        // bytes; `reply` is not in it, and no slice of the input is alive.
        unsafe { ptr::copy_nonoverlapping(reply.as_ptr(), output.buffer, length) };
        length as u64
    }
}

/// A create request that this driver owns, with the file object that it opens.
pub(crate) struct Create {
    request: WDFREQUEST,
    file: WDFFILEOBJECT,
}

/// What of the device is opened.
pub(crate) enum Name {
    /// The device itself.
    Device,
    /// [`CLIENT_NAME`], in any case of its letters.
    Client,
    /// Something that there is not.
    Unknown,
}

impl Create {
    /// Takes over a create request.
    ///
    /// # Safety
    /// The driver owns `request`, which is a create, valid, for `file` and not yet completed, and
    /// has no other use for its handle.
    pub(crate) unsafe fn new(request: WDFREQUEST, file: WDFFILEOBJECT) -> Self {
        Self { request, file }
    }

    /// The name that is opened below the device.
    pub(crate) fn name(&self) -> Name {
        // SAFETY: the file object lives as long as its create is in progress.
        let name = unsafe { call_unsafe_wdf_function_binding!(WdfFileObjectGetFileName, self.file) };
        // SAFETY: the name of a file object is there until it is closed, if it has one at all.
        let Some(name) = (unsafe { name.as_ref() }) else { return Name::Device };
        let length = usize::from(name.Length / 2);
        if length == 0 || name.Buffer.is_null() {
            return Name::Device;
        }
        // SAFETY: a `UNICODE_STRING` has `Length` bytes, and this one nobody changes.
        let name = unsafe { slice::from_raw_parts(name.Buffer, length) };
        let wanted = CLIENT_NAME.bytes();
        let same =
            |(&is, wanted): (&u16, u8)| u8::try_from(is).is_ok_and(|is| is.eq_ignore_ascii_case(&wanted));
        if length == wanted.len() && name.iter().zip(wanted).all(same) { Name::Client } else { Name::Unknown }
    }

    /// The access asked for, generic rights mapped.
    pub(crate) fn desired_access(&self) -> u32 {
        // SAFETY: null, or valid as long as the create is in progress.
        unsafe { self.security().as_ref() }.map_or(0, |security| security.DesiredAccess)
    }

    /// The quality of service that the client asked for; none when it did not.
    pub(crate) fn quality_of_service(&self) -> Option<SECURITY_QUALITY_OF_SERVICE> {
        // SAFETY: null, or valid as long as the create is in progress.
        let security = unsafe { self.security().as_ref() }?;
        // SAFETY: null, or the kernel's own copy, valid as long.
        unsafe { security.SecurityQos.as_ref() }.copied()
    }

    fn security(&self) -> PIO_SECURITY_CONTEXT {
        let parameters = parameters(self.request);
        // SAFETY: the request is a create, so this is the member that the framework wrote.
        unsafe { parameters.Parameters.Create }.SecurityContext
    }

    /// Completes the request: the file object is open, or why it is not.
    pub(crate) fn complete(self, opened: Result<(), Status>) {
        let status = opened.err().unwrap_or(Status::SUCCESS);
        // SAFETY: `self` owned the request and is gone.
        unsafe { complete(self.request, status, 0) };
    }
}

/// The parameters of a request that is not completed.
fn parameters(request: WDFREQUEST) -> WDF_REQUEST_PARAMETERS {
    let mut parameters = WDF_REQUEST_PARAMETERS {
        #[allow(clippy::cast_possible_truncation)] // 40 bytes
        Size: size_of::<WDF_REQUEST_PARAMETERS>() as u16,
        ..WDF_REQUEST_PARAMETERS::default()
    };
    // SAFETY: whoever has the handle owns the request; the pointer is to a local.
    unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetParameters, request, &raw mut parameters) };
    parameters
}

/// # Safety
/// The driver owns `request` and does not touch it again.
unsafe fn complete(request: WDFREQUEST, status: Status, information: u64) {
    let status = status.0.cast_signed();
    // SAFETY: promised by the caller.
    unsafe {
        call_unsafe_wdf_function_binding!(WdfRequestCompleteWithInformation, request, status, information);
    };
}

/// A framework status as a result.
fn status(status: NTSTATUS) -> Result<(), Status> {
    Status(status.cast_unsigned()).ok()
}
