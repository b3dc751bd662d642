//! An I/O request that is completed exactly once.

use core::{ptr, slice};
use psimp_protocol::{Ioctl, Status};
use psimp_service::Reply;
use wdk_sys::{
    _MODE::UserMode, _WDF_REQUEST_TYPE::WdfRequestTypeDeviceControl, NTSTATUS, PVOID, WDF_REQUEST_PARAMETERS,
    WDFFILEOBJECT, WDFREQUEST, call_unsafe_wdf_function_binding,
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
        let mut parameters = WDF_REQUEST_PARAMETERS {
            #[allow(clippy::cast_possible_truncation)] // 40 bytes
            Size: size_of::<WDF_REQUEST_PARAMETERS>() as u16,
            ..WDF_REQUEST_PARAMETERS::default()
        };
        // SAFETY: the request is not completed as long as `self` exists.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetParameters, self.0, &raw mut parameters) };
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
