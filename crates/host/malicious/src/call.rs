//! The data and helpers for a defect.
//!
//! Functions that acquire a resource are inlined into the defect, so that a leak
//! is reported at the defect.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use wdk_sys::ntddk::{ExAllocatePool2, ObReferenceObjectByHandle};
use wdk_sys::{
    _MODE::UserMode, HANDLE, NTSTATUS, PDRIVER_OBJECT, PIO_SECURITY_CONTEXT, POBJECT_TYPE, PVOID,
    SeTokenObjectType, WDF_REQUEST_PARAMETERS, WDFDRIVER, WDFFILEOBJECT, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

/// The tag of our pool blocks.
pub(crate) const TAG: u32 = u32::from_le_bytes(*b"Evil");
/// `TOKEN_IMPERSONATE`.
pub(crate) const TOKEN_IMPERSONATE: u32 = 4;
/// `TOKEN_DUPLICATE`.
pub(crate) const TOKEN_DUPLICATE: u32 = 2;
/// `POOL_FLAG_NON_PAGED`.
pub(crate) const NON_PAGED: u64 = 0x40;
/// `POOL_FLAG_PAGED`.
pub(crate) const PAGED: u64 = 0x100;

#[allow(clippy::cast_possible_truncation)] // 1
pub(crate) const USER_MODE: i8 = UserMode as i8;

/// State that one request leaves for a later one, or for unload.
pub(crate) static KEPT: AtomicPtr<core::ffi::c_void> = AtomicPtr::new(ptr::null_mut());

/// The current callback.
pub(crate) struct Call {
    pub(crate) driver_object: PDRIVER_OBJECT,
    pub(crate) driver: WDFDRIVER,
    /// Null outside of a request.
    pub(crate) request: WDFREQUEST,
    /// The file of a request, or the one that is cleaned up.
    pub(crate) file: WDFFILEOBJECT,
    /// Whether the dispatcher must no longer complete the request.
    settled: Cell<bool>,
    /// What `DriverEntry` returns.
    pub(crate) status: Cell<NTSTATUS>,
}

impl Call {
    pub(crate) fn new(driver_object: PDRIVER_OBJECT, driver: WDFDRIVER) -> Self {
        let [request, file] = [ptr::null_mut(); 2];
        Self { driver_object, driver, request, file, settled: Cell::new(false), status: Cell::new(0) }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.settled.get()
    }

    /// Records that the request is completed elsewhere, or not at all.
    pub(crate) fn settle(&self) {
        self.settled.set(true);
    }

    /// Completes the request.
    #[inline(always)]
    pub(crate) fn complete(&self, status: NTSTATUS, information: u64) {
        self.settle();
        let request = self.request;
        // SAFETY: the request is this call's, and no other code completes it, or
        // the defect names the rule that it breaks.
        unsafe {
            call_unsafe_wdf_function_binding!(
                WdfRequestCompleteWithInformation,
                request,
                status,
                information
            );
        }
    }

    /// The parameters of the request.
    #[inline(always)]
    pub(crate) fn parameters(&self) -> WDF_REQUEST_PARAMETERS {
        let mut parameters = WDF_REQUEST_PARAMETERS {
            #[allow(clippy::cast_possible_truncation)] // 40 bytes
            Size: size_of::<WDF_REQUEST_PARAMETERS>() as u16,
            ..WDF_REQUEST_PARAMETERS::default()
        };
        // SAFETY: the request is not completed; the pointer is to a local.
        unsafe {
            call_unsafe_wdf_function_binding!(WdfRequestGetParameters, self.request, &raw mut parameters);
        }
        parameters
    }

    /// The `IO_SECURITY_CONTEXT` of a create request.
    #[inline(always)]
    pub(crate) fn security_context(&self) -> PIO_SECURITY_CONTEXT {
        // SAFETY: the request is a create request.
        unsafe { self.parameters().Parameters.Create }.SecurityContext
    }

    /// The system buffer, and its length as output buffer.
    #[inline(always)]
    pub(crate) fn buffer(&self) -> (*mut u8, usize) {
        let (mut buffer, mut length) = (ptr::null_mut(), 0);
        // SAFETY: the request is not completed; the pointers are to locals.
        let _ = unsafe {
            call_unsafe_wdf_function_binding!(
                WdfRequestRetrieveOutputBuffer,
                self.request,
                1,
                &raw mut buffer,
                &raw mut length
            )
        };
        (buffer.cast(), length)
    }

    /// The number that the input begins with.
    #[inline(always)]
    pub(crate) fn input(&self) -> u64 {
        let mut buffer = ptr::null_mut();
        // SAFETY: the request is not completed; the pointers are to locals.
        let status = unsafe {
            call_unsafe_wdf_function_binding!(
                WdfRequestRetrieveInputBuffer,
                self.request,
                size_of::<u64>(),
                &raw mut buffer,
                ptr::null_mut()
            )
        };
        // SAFETY: when it succeeds, there are eight bytes.
        if wdk::nt_success(status) { unsafe { buffer.cast::<u64>().read_unaligned() } } else { 0 }
    }

    /// A reference on the token whose handle is the input.
    #[inline(always)]
    pub(crate) fn token(&self) -> PVOID {
        let mut token = ptr::null_mut();
        // SAFETY: a handle of the caller, looked up as such; the pointer is to a
        // local.
        let _ = unsafe {
            ObReferenceObjectByHandle(
                self.handle(),
                TOKEN_IMPERSONATE,
                token_type(),
                USER_MODE,
                &raw mut token,
                ptr::null_mut(),
            )
        };
        token
    }

    /// The handle in the input.
    #[inline(always)]
    pub(crate) fn handle(&self) -> HANDLE {
        ptr::without_provenance_mut(usize::try_from(self.input()).unwrap_or(0))
    }
}

/// A pool block, all zeros.
#[inline(always)]
pub(crate) fn block(size: u64) -> *mut u8 {
    // SAFETY: at most DISPATCH_LEVEL; whether the block is freed is what the
    // defects are about.
    unsafe { ExAllocatePool2(NON_PAGED, size, TAG) }.cast()
}

/// The kernel's token type.
#[inline(always)]
pub(crate) fn token_type() -> POBJECT_TYPE {
    // SAFETY: an exported variable that the kernel sets before any driver runs.
    let slot = unsafe { SeTokenObjectType };
    // SAFETY: the import is the variable's address.
    unsafe { *slot }
}

/// Takes what was kept, if anything.
pub(crate) fn kept() -> Option<PVOID> {
    let kept = KEPT.swap(ptr::null_mut(), Ordering::Relaxed);
    (!kept.is_null()).then_some(kept)
}

/// Keeps a value for later.
pub(crate) fn keep(value: PVOID) {
    KEPT.store(value, Ordering::Relaxed);
}
