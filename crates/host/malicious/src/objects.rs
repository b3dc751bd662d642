//! References on objects.

use crate::call::{TOKEN_IMPERSONATE, USER_MODE, keep, kept, token_type};
use crate::defect::defects;
use core::ptr;
use wdk_sys::ntddk::{
    IoGetCurrentProcess, IoThreadToProcess, ObReferenceObjectByHandle, ObfDereferenceObject,
    ObfReferenceObject, PsDereferencePrimaryToken, PsDisableImpersonation, PsImpersonateClient,
    PsReferencePrimaryToken, PsRestoreImpersonation, SeTokenIsRestricted,
};
use wdk_sys::{
    _SECURITY_IMPERSONATION_LEVEL::SecurityImpersonation, PETHREAD, PVOID, SE_IMPERSONATION_STATE,
    SeTokenObjectType,
};

unsafe extern "system" {
    /// Any IRQL. No reference is taken: the current thread outlives the call.
    fn PsGetCurrentThread() -> PETHREAD;
}

defects! {
    /// A token is queried after its only reference was released.
    fn token_used_after_dereference [Control] (call) {
        let token = call.token();
        // SAFETY: the reference is the one just taken.
        unsafe { ObfDereferenceObject(token) };
        // SAFETY: none; this breaks the rule that objects are used under a reference.
        let _ = unsafe { SeTokenIsRestricted(token) };
    }

    /// A token is referenced after its only reference was released.
    fn token_referenced_after_dereference [Control] (call) {
        let token = call.token();
        // SAFETY: the reference is the one just taken.
        unsafe { ObfDereferenceObject(token) };
        // SAFETY: none; this breaks the rule that only what is referenced is referenced further.
        unsafe { ObfReferenceObject(token) };
    }

    /// One reference is released twice.
    fn token_dereferenced_twice [Control] (call) {
        let token = call.token();
        // SAFETY: the reference is the one just taken.
        unsafe { ObfDereferenceObject(token) };
        // SAFETY: none; this breaks the balance of references.
        unsafe { ObfDereferenceObject(token) };
    }

    /// A reference of the object manager is released by the process manager's routine.
    fn token_dereferenced_as_primary [Control] (call) {
        let token = call.token();
        // SAFETY: none; this breaks the rule which routine releases a reference.
        unsafe { PsDereferencePrimaryToken(token) };
    }

    /// A reference of the process manager is released by the object manager's routine.
    fn primary_dereferenced_as_object [Control] (_call) {
        // SAFETY: the current process outlives the call.
        let process = unsafe { IoGetCurrentProcess() };
        // SAFETY: the current process outlives the call.
        let token = unsafe { PsReferencePrimaryToken(process) };
        // SAFETY: none; this breaks the rule which routine releases a reference.
        unsafe { ObfDereferenceObject(token.cast()) };
    }

    /// A reference is never released.
    fn token_leaked [Control] (call) {
        let _ = call.token();
    }

    /// A reference on the primary token is never released.
    fn primary_token_leaked [Control] (_call) {
        // SAFETY: the current process outlives the call.
        let process = unsafe { IoGetCurrentProcess() };
        // SAFETY: none; this breaks the balance of references.
        let _ = unsafe { PsReferencePrimaryToken(process) };
    }

    /// The current thread of an earlier request is used in a later one.
    fn thread_kept [Control] (_call) {
        match kept() {
            // SAFETY: callable at any IRQL.
            None => keep(unsafe { PsGetCurrentThread() }.cast()),
            Some(thread) => {
                // SAFETY: none; this breaks the rule that objects are used under a reference.
                let _ = unsafe { IoThreadToProcess(thread.cast()) };
            }
        }
    }

    /// An impersonation that was disabled is never restored.
    fn impersonation_not_restored [Control] (call) {
        impersonate(call.token());
        let _ = disable();
    }

    /// One is restored twice.
    fn impersonation_restored_twice [Control] (call) {
        impersonate(call.token());
        let state = disable();
        restore(state);
        restore(state);
    }

    /// A thread that did not impersonate is restored.
    fn nothing_restored [Control] (_call) {
        restore(disable());
    }

    /// A thread is passed as a token.
    fn thread_as_token [Control] (_call) {
        // SAFETY: callable at any IRQL.
        let thread: PVOID = unsafe { PsGetCurrentThread() }.cast();
        // SAFETY: none; this breaks the rule that a token is passed.
        let _ = unsafe { SeTokenIsRestricted(thread) };
    }

    /// An object type is passed as the variable that holds it.
    fn type_variable_as_type [Control] (call) {
        let mut token = ptr::null_mut();
        // SAFETY: an exported variable that the kernel sets before any driver runs.
        let variable = unsafe { SeTokenObjectType };
        // SAFETY: none; this breaks the rule that an object type is passed.
        let _ = unsafe {
            ObReferenceObjectByHandle(
                call.handle(),
                TOKEN_IMPERSONATE,
                variable.cast(),
                USER_MODE,
                &raw mut token,
                ptr::null_mut(),
            )
        };
    }

    /// The inside of an object is read.
    fn object_read [Control] (call) {
        let token = call.token();
        // SAFETY: none; this breaks the rule that objects are opaque.
        let _ = unsafe { token.cast::<u64>().wrapping_add(2).read_volatile() };
    }

    /// The output pointer is null.
    fn object_to_nowhere [Control] (call) {
        // SAFETY: none; this breaks the rule that an output pointer is passed.
        let _ = unsafe {
            ObReferenceObjectByHandle(
                call.handle(),
                TOKEN_IMPERSONATE,
                token_type(),
                USER_MODE,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
    }
}

/// Makes the calling thread impersonate a token, whose reference it releases.
#[inline(always)]
fn impersonate(token: PVOID) {
    // SAFETY: callable at any IRQL.
    let thread = unsafe { PsGetCurrentThread() };
    // SAFETY: the current thread; the token is referenced, and at this level.
    let _ = unsafe { PsImpersonateClient(thread, token, 0, 0, SecurityImpersonation) };
    // SAFETY: the caller's reference; the slot has its own.
    unsafe { ObfDereferenceObject(token) };
}

/// Moves out what the calling thread impersonates.
#[inline(always)]
fn disable() -> SE_IMPERSONATION_STATE {
    let mut state = SE_IMPERSONATION_STATE::default();
    // SAFETY: callable at any IRQL.
    let thread = unsafe { PsGetCurrentThread() };
    // SAFETY: the current thread; the pointer is to a local. Whether it is restored is what the
    // defects are about.
    let _ = unsafe { PsDisableImpersonation(thread, &raw mut state) };
    state
}

/// Moves it back.
#[inline(always)]
fn restore(mut state: SE_IMPERSONATION_STATE) {
    // SAFETY: callable at any IRQL.
    let thread = unsafe { PsGetCurrentThread() };
    // SAFETY: the current thread; the pointer is to a local. Whether it is restored once is what the
    // defects are about.
    unsafe { PsRestoreImpersonation(thread, &raw mut state) };
}
