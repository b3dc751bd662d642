//! Client security contexts, and the security context of create requests.

use crate::call::Call;
use crate::defect::defects;
use core::hint::black_box;
use core::ptr;
use wdk_sys::ntddk::{
    ObfDereferenceObject, PsDereferenceImpersonationToken, PsDereferencePrimaryToken, SeCreateClientSecurity,
    SeImpersonateClientEx, SeTokenType,
};
use wdk_sys::{
    PACCESS_TOKEN, PETHREAD, PFILE_OBJECT, PIO_SECURITY_CONTEXT, SECURITY_CLIENT_CONTEXT,
    SECURITY_QUALITY_OF_SERVICE, STATUS_SUCCESS, call_unsafe_wdf_function_binding,
};

unsafe extern "system" {
    /// Any IRQL. No reference is taken: the current thread outlives the call.
    fn PsGetCurrentThread() -> PETHREAD;
}

/// `SECURITY_STATIC_TRACKING`: the token is a copy, and so an impersonation token.
const COPY: u8 = 0;
/// `SECURITY_DYNAMIC_TRACKING`: the token is the caller's own, a primary token.
const OWN: u8 = 1;

/// A context of the calling thread at Impersonation level.
#[inline(always)]
fn context(tracking: u8) -> SECURITY_CLIENT_CONTEXT {
    of(tracking, 0)
}

/// A context for a server that may be remote.
#[inline(always)]
fn of(tracking: u8, remote: u8) -> SECURITY_CLIENT_CONTEXT {
    let mut quality = SECURITY_QUALITY_OF_SERVICE {
        #[allow(clippy::cast_possible_truncation)] // 12 bytes
        Length: size_of::<SECURITY_QUALITY_OF_SERVICE>() as u32,
        ImpersonationLevel: 2,
        ContextTrackingMode: tracking,
        EffectiveOnly: 0,
    };
    let mut context = SECURITY_CLIENT_CONTEXT::default();
    // SAFETY: callable at any IRQL.
    let thread = unsafe { PsGetCurrentThread() };
    // SAFETY: the current thread outlives the call; the pointers are to locals.
    let _ = unsafe { SeCreateClientSecurity(thread, &raw mut quality, remote, &raw mut context) };
    context
}

/// Impersonates the client on the calling thread.
#[inline(always)]
fn impersonate(context: &mut SECURITY_CLIENT_CONTEXT) {
    // SAFETY: the pointer is to a local of the caller; the rest is what the defect is about.
    let _ = unsafe { SeImpersonateClientEx(context, ptr::null_mut()) };
}

/// The `FILE_OBJECT` of the call's file.
#[inline(always)]
fn file_object(call: &Call) -> PFILE_OBJECT {
    // SAFETY: the file exists; whether its create is in progress is what the defect is about.
    unsafe { call_unsafe_wdf_function_binding!(WdfFileObjectWdmGetFileObject, call.file) }
}

defects! {
    /// A context is never deleted.
    fn client_context_leaked [Control] (_call) {
        black_box(context(OWN));
    }

    /// The copy of a client's token is released as a primary token.
    fn client_copy_dereferenced_as_primary [Control] (_call) {
        let context = context(COPY);
        // SAFETY: none; this breaks the rule that the token's type determines which routine releases it.
        unsafe { PsDereferencePrimaryToken(context.ClientToken) };
    }

    /// The copy of a client's token is released by the object manager's routine.
    fn client_copy_dereferenced_as_object [Control] (_call) {
        let context = context(COPY);
        // SAFETY: none; this breaks the rule which routine releases a reference.
        unsafe { ObfDereferenceObject(context.ClientToken.cast()) };
    }

    /// A client's primary token is released as an impersonation token.
    fn client_dereferenced_as_impersonation [Control] (_call) {
        let context = context(OWN);
        // SAFETY: none; this breaks the rule that the token's type determines which routine releases it.
        unsafe { PsDereferenceImpersonationToken(context.ClientToken) };
    }

    /// A client is impersonated after its context was deleted.
    fn client_impersonated_after_delete [Control] (_call) {
        let mut context = context(COPY);
        // SAFETY: the reference of the context above.
        unsafe { PsDereferenceImpersonationToken(context.ClientToken) };
        // Breaks the lifetime of the context.
        impersonate(&mut context);
    }

    /// A context that was never created is impersonated.
    fn client_of_zeros_impersonated [Control] (_call) {
        let mut context = SECURITY_CLIENT_CONTEXT::default();
        // Breaks the rule that SeCreateClientSecurity fills a context.
        impersonate(&mut context);
    }

    /// A client is impersonated at an invalid level.
    fn client_impersonated_at_no_level [Control] (_call) {
        let mut context = context(OWN);
        context.SecurityQos.ImpersonationLevel = 7;
        // Breaks the range of levels, which the kernel does not check.
        impersonate(&mut context);
    }

    /// A context is created without a quality of service.
    fn client_of_no_quality [Control] (_call) {
        let mut context = SECURITY_CLIENT_CONTEXT::default();
        // SAFETY: callable at any IRQL.
        let thread = unsafe { PsGetCurrentThread() };
        // SAFETY: none; this breaks the rule that there is a quality of service.
        let _ = unsafe { SeCreateClientSecurity(thread, ptr::null_mut(), 0, &raw mut context) };
    }

    /// A context is created for a server on another machine.
    fn client_of_a_remote_server [Control] (_call) {
        black_box(of(OWN, 1));
    }

    /// A context is created at `DISPATCH_LEVEL`.
    fn client_taken_too_high [Control] (_call) {
        black_box(context(OWN));
    }

    /// The token's type is queried after its context is deleted.
    fn token_type_after_delete [Control] (_call) {
        let context = context(COPY);
        // SAFETY: the reference of the context above.
        unsafe { PsDereferenceImpersonationToken(context.ClientToken) };
        // SAFETY: none; this breaks the rule that objects are used under a reference.
        black_box(unsafe { SeTokenType(context.ClientToken as PACCESS_TOKEN) });
    }

    /// The `IO_SECURITY_CONTEXT` is read after the create request is completed.
    fn security_context_read_after_completion [Create] (call) {
        let context: PIO_SECURITY_CONTEXT = call.security_context();
        call.complete(STATUS_SUCCESS, 0);
        // SAFETY: none; this breaks the lifetime of the security context.
        black_box(unsafe { (*context).DesiredAccess });
    }

    /// Memory behind it is written.
    fn security_context_overrun [Create] (call) {
        let context = call.security_context();
        // SAFETY: none; this breaks the bounds of the security context.
        unsafe { context.wrapping_add(1).cast::<u8>().write_volatile(1) };
    }

    /// The `FILE_OBJECT` is read for what it is relative to after the create request is completed.
    fn related_file_read_after_completion [Create] (call) {
        let file = file_object(call);
        call.complete(STATUS_SUCCESS, 0);
        // SAFETY: none; this breaks the lifetime of the member.
        black_box(unsafe { (*file).RelatedFileObject });
    }

    /// The member of a `FILE_OBJECT` that is the framework's is written.
    fn file_object_written [Create] (call) {
        let file = file_object(call);
        // SAFETY: none; this breaks the rule that the framework alone writes it.
        unsafe { (*file).FsContext2 = ptr::null_mut() };
    }

    /// The `FILE_OBJECT` is requested later than in the create request.
    fn file_object_of_an_open_file [Control] (call) {
        black_box(file_object(call));
    }

    /// The device of an object that is not a file is requested.
    fn device_of_a_request [Control] (call) {
        // SAFETY: none; this breaks the type of the handle.
        black_box(unsafe { call_unsafe_wdf_function_binding!(WdfFileObjectGetDevice, call.request.cast()) });
    }

    /// The `FILE_OBJECT` of an object that is not a file is requested.
    fn file_object_of_a_request [Control] (call) {
        // SAFETY: none; this breaks the type of the handle.
        black_box(unsafe {
            call_unsafe_wdf_function_binding!(WdfFileObjectWdmGetFileObject, call.request.cast())
        });
    }

    /// The name of a file is requested at `DISPATCH_LEVEL`.
    fn file_name_too_high [Control] (call) {
        // SAFETY: none; this breaks the highest level of the function.
        black_box(unsafe { call_unsafe_wdf_function_binding!(WdfFileObjectGetFileName, call.file) });
    }

    /// The name of an object that is not a file is requested.
    fn file_name_of_a_request [Control] (call) {
        // SAFETY: none; this breaks the type of the handle.
        black_box(unsafe { call_unsafe_wdf_function_binding!(WdfFileObjectGetFileName, call.request.cast()) });
    }
}
