//! The life of a request.

use crate::call::{keep, kept};
use crate::defect::defects;
use crate::state::DEVICE;
use core::ptr;
use core::sync::atomic::Ordering;
use wdk_sys::{
    STATUS_PENDING, STATUS_SUCCESS, WDF_REQUEST_PARAMETERS, WDFREQUEST, call_unsafe_wdf_function_binding,
};

defects! {
    /// A request is completed twice.
    fn completed_twice [Control] (call) {
        call.complete(STATUS_SUCCESS, 0);
        // Breaks the rule that a request is completed once.
        call.complete(STATUS_SUCCESS, 0);
    }

    /// A request is never completed.
    fn never_completed [Control] (call) {
        // Breaks the rule that a request is completed or passed on.
        call.settle();
    }

    /// A request is completed with a status that is not final.
    fn completed_as_pending [Control] (call) {
        call.complete(STATUS_PENDING, 0);
    }

    /// A create is completed with the information of another request.
    fn create_completed_with_a_length [Create] (call) {
        call.complete(STATUS_SUCCESS, 40);
    }

    /// A request is queried after it was completed.
    fn request_used_after_completion [Control] (call) {
        call.complete(STATUS_SUCCESS, 0);
        let request = call.request;
        // SAFETY: none; this breaks the lifetime of the request.
        let _ = unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetFileObject, request) };
    }

    /// A request is completed during a later one.
    fn request_kept [Control] (call) {
        match kept() {
            None => keep(call.request.cast()),
            Some(request) => {
                let request: WDFREQUEST = request.cast();
                // SAFETY: none; this breaks the lifetime of the request.
                unsafe { call_unsafe_wdf_function_binding!(WdfRequestComplete, request, STATUS_SUCCESS) };
            }
        }
    }

    /// A request is deleted instead of completed.
    fn request_deleted [Control] (call) {
        // SAFETY: none; this breaks the rule that requests are the framework's.
        unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, call.request.cast()) };
    }

    /// The device's handle is passed as a request.
    fn device_completed [Control] (_call) {
        let device: WDFREQUEST = DEVICE.load(Ordering::Relaxed).cast();
        // SAFETY: none; this breaks the rule that a request is passed.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestComplete, device, STATUS_SUCCESS) };
    }

    /// Nothing is completed.
    fn null_completed [Control] (_call) {
        let request: WDFREQUEST = ptr::null_mut();
        // SAFETY: none; this breaks the rule that a request is passed.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestComplete, request, STATUS_SUCCESS) };
    }

    /// The pointer for the parameters is null.
    fn parameters_to_nowhere [Control] (call) {
        let parameters: *mut WDF_REQUEST_PARAMETERS = ptr::null_mut();
        // SAFETY: none; this breaks the rule that there is room for them.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetParameters, call.request, parameters) };
    }

    /// A structure states a wrong size.
    fn parameters_of_another_size [Control] (call) {
        let mut parameters = WDF_REQUEST_PARAMETERS { Size: 8, ..WDF_REQUEST_PARAMETERS::default() };
        // SAFETY: none; this breaks the rule that a structure states its size.
        unsafe {
            call_unsafe_wdf_function_binding!(WdfRequestGetParameters, call.request, &raw mut parameters);
        }
    }
}
