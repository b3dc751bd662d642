//! Handles: their table, and that they are closed.

use crate::call::{Call, TOKEN_DUPLICATE, TOKEN_IMPERSONATE, token_type};
use crate::defect::defects;
use core::ptr;
use wdk_sys::ntddk::{
    ObOpenObjectByPointer, ObReferenceObjectByHandle, ObfDereferenceObject, ZwClose, ZwDuplicateToken,
};
use wdk_sys::{
    _MODE::KernelMode, _TOKEN_TYPE::TokenImpersonation, HANDLE, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES,
};

#[allow(clippy::cast_possible_truncation)] // 0
const KERNEL_MODE: i8 = KernelMode as i8;

defects! {
    /// A handle stays open.
    fn handle_leaked [Control] (call) {
        let _ = open(call, OBJ_KERNEL_HANDLE);
    }

    /// A handle is closed twice.
    fn handle_closed_twice [Control] (call) {
        let handle = open(call, OBJ_KERNEL_HANDLE);
        // SAFETY: the handle was just opened.
        let _ = unsafe { ZwClose(handle) };
        // SAFETY: none; this breaks the rule that a handle is closed once.
        let _ = unsafe { ZwClose(handle) };
    }

    /// A handle is used after it was closed.
    fn handle_used_after_close [Control] (call) {
        let handle = open(call, OBJ_KERNEL_HANDLE);
        // SAFETY: the handle was just opened.
        let _ = unsafe { ZwClose(handle) };
        // SAFETY: none; this breaks the rule that a handle is open while it is used.
        let _ = unsafe { look_up(handle) };
    }

    /// A handle of the driver is created in the caller's table.
    fn handle_in_callers_table [Control] (call) {
        let _ = open(call, 0);
    }

    /// The same with a duplicate.
    fn duplicate_in_callers_table [Control] (call) {
        let handle = open(call, OBJ_KERNEL_HANDLE);
        let mut attributes = OBJECT_ATTRIBUTES {
            #[allow(clippy::cast_possible_truncation)] // 48
            Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
            ..OBJECT_ATTRIBUTES::default()
        };
        let mut copy: HANDLE = ptr::null_mut();
        // SAFETY: none; this breaks the rule that handles of a driver are the kernel's.
        let _ = unsafe {
            ZwDuplicateToken(
                handle,
                TOKEN_IMPERSONATE,
                &raw mut attributes,
                0,
                TokenImpersonation,
                &raw mut copy,
            )
        };
    }

    /// The caller's handle is looked up in kernel mode.
    fn callers_handle_in_kernel_mode [Control] (call) {
        // SAFETY: none; this breaks the rule that a caller's handle is checked as the caller's.
        let _ = unsafe { look_up(call.handle()) };
    }

    /// The caller's handle is closed.
    fn callers_handle_closed [Control] (call) {
        // SAFETY: none; this breaks the rule that the opener of a handle closes it.
        let _ = unsafe { ZwClose(call.handle()) };
    }
}

/// A handle for the caller's token.
#[inline(always)]
fn open(call: &Call, attributes: u32) -> HANDLE {
    let token = call.token();
    let mut handle: HANDLE = ptr::null_mut();
    // SAFETY: the token is referenced; the pointer is to a local.
    let _ = unsafe {
        ObOpenObjectByPointer(
            token,
            attributes,
            ptr::null_mut(),
            TOKEN_DUPLICATE,
            token_type(),
            KERNEL_MODE,
            &raw mut handle,
        )
    };
    // SAFETY: the reference is the one just taken.
    unsafe { ObfDereferenceObject(token) };
    handle
}

/// Looks a handle up in kernel mode.
///
/// # Safety
/// The handle is open, and the driver's.
#[inline(always)]
unsafe fn look_up(handle: HANDLE) -> i32 {
    let mut object = ptr::null_mut();
    // SAFETY: promised by the caller; the pointer is to a local.
    unsafe {
        ObReferenceObjectByHandle(
            handle,
            TOKEN_IMPERSONATE,
            token_type(),
            KERNEL_MODE,
            &raw mut object,
            ptr::null_mut(),
        )
    }
}
