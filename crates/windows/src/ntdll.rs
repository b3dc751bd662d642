//! Routines of ntdll that no import library contains, resolved at run time. If the system lacks one, the
//! result is `STATUS_NOT_IMPLEMENTED`.
#![allow(unsafe_code)] // function pointers by name

use crate::error::checked;
use crate::sid::pointer;
use crate::structure::length;
use crate::wide::wide;
use psimp_nt::{Sid, Status};
use std::ffi::{CStr, c_void};
use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Security::{
    GENERIC_MAPPING, PRIVILEGE_SET, PSID, SECURITY_QUALITY_OF_SERVICE, SID_AND_ATTRIBUTES,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};

/// The system has no such routine.
pub const NOT_IMPLEMENTED: Status = Status(0xC000_0002);

type Routine = unsafe extern "system" fn() -> isize;

fn find(name: &CStr) -> Option<Routine> {
    let ntdll = wide("ntdll.dll");
    // SAFETY: the name ends with a zero.
    let module = unsafe { GetModuleHandleW(ntdll.as_ptr()) };
    // SAFETY: ntdll is in every process and is never unloaded; the name ends with a zero.
    unsafe { GetProcAddress(module, name.as_ptr().cast()) }
}

/// The version of Wine, if this is Wine.
pub fn wine_version() -> Option<String> {
    let routine = find(c"wine_get_version")?;
    // SAFETY: Wine documents this routine as taking nothing and returning a text.
    let routine: unsafe extern "system" fn() -> *const i8 = unsafe { std::mem::transmute(routine) };
    // SAFETY: as above.
    let text = unsafe { routine() };
    // SAFETY: the text is constant and ends with a zero.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}

/// `RtlImpersonateSelf`.
pub(crate) fn impersonate_self(level: i32) -> Result<(), Status> {
    let routine = find(c"RtlImpersonateSelf").ok_or(NOT_IMPLEMENTED)?;
    // SAFETY: this is the routine's signature in winternl.h.
    let routine: unsafe extern "system" fn(i32) -> i32 = unsafe { std::mem::transmute(routine) };
    // SAFETY: it takes a number.
    checked(unsafe { routine(level) })
}

/// `NtImpersonateThread`.
pub(crate) fn impersonate_thread(
    server: HANDLE,
    client: HANDLE,
    qos: &SECURITY_QUALITY_OF_SERVICE,
) -> Result<(), Status> {
    type Signature = unsafe extern "system" fn(HANDLE, HANDLE, *const SECURITY_QUALITY_OF_SERVICE) -> i32;
    let routine = find(c"NtImpersonateThread").ok_or(NOT_IMPLEMENTED)?;
    // SAFETY: this is the routine's signature, as NtImpersonateThread is documented by its users.
    let routine: Signature = unsafe { std::mem::transmute(routine) };
    // SAFETY: the kernel checks the handles, and the quality of service is borrowed for the call.
    checked(unsafe { routine(server, client, qos) })
}

/// `NtCancelIoFileEx` of every request on a handle.
pub(crate) fn cancel_io(file: HANDLE) -> Result<(), Status> {
    type Signature = unsafe extern "system" fn(HANDLE, *const IO_STATUS_BLOCK, *mut IO_STATUS_BLOCK) -> i32;
    let routine = find(c"NtCancelIoFileEx").ok_or(NOT_IMPLEMENTED)?;
    // SAFETY: this is the routine's signature, as CancelIoEx calls it.
    let routine: Signature = unsafe { std::mem::transmute(routine) };
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: the kernel checks the handle; no request is named, and the place for the status is borrowed.
    checked(unsafe { routine(file, std::ptr::null(), &raw mut block) })
}

/// `NtCreateLowBoxToken` of a primary token: one of the same logon in an `AppContainer` without capabilities.
pub(crate) fn create_low_box(token: HANDLE, access: u32, package: &Sid) -> Result<HANDLE, Status> {
    type Signature = unsafe extern "system" fn(
        *mut HANDLE,
        HANDLE,
        u32,
        *const OBJECT_ATTRIBUTES,
        PSID,
        u32,
        *const SID_AND_ATTRIBUTES,
        u32,
        *const HANDLE,
    ) -> i32;
    let routine = find(c"NtCreateLowBoxToken").ok_or(NOT_IMPLEMENTED)?;
    // SAFETY: this is the routine's signature, as CreateAppContainerToken calls it.
    let routine: Signature = unsafe { std::mem::transmute(routine) };
    let attributes =
        OBJECT_ATTRIBUTES { Length: length::<OBJECT_ATTRIBUTES>(), ..OBJECT_ATTRIBUTES::default() };
    let (mut made, none) = (std::ptr::null_mut(), std::ptr::null());
    // SAFETY: the kernel checks the handle; the SID and the attributes live until the call returns, and both lists
    // are empty.
    checked(unsafe {
        routine(
            &raw mut made,
            token,
            access,
            &raw const attributes,
            pointer(package),
            0,
            none,
            0,
            std::ptr::null(),
        )
    })?;
    Ok(made)
}

/// `NtAccessCheck`: granted access and access status.
pub(crate) fn access_check(
    descriptor: *mut c_void,
    token: HANDLE,
    desired: u32,
    mapping: &GENERIC_MAPPING,
) -> Result<(u32, Status), Status> {
    type Signature = unsafe extern "system" fn(
        *mut c_void,
        HANDLE,
        u32,
        *const GENERIC_MAPPING,
        *mut PRIVILEGE_SET,
        *mut u32,
        *mut u32,
        *mut i32,
    ) -> i32;
    let routine = find(c"NtAccessCheck").ok_or(NOT_IMPLEMENTED)?;
    // SAFETY: this is the routine's signature in ntifs.h.
    let routine: Signature = unsafe { std::mem::transmute(routine) };
    let mut privileges = PRIVILEGE_SET::default();
    let mut length = u32::try_from(size_of::<PRIVILEGE_SET>()).unwrap_or(0);
    let (mut granted, mut status) = (0, 0);
    // SAFETY: the kernel probes the descriptor; everything else is borrowed for the call, with its length.
    let called = unsafe {
        routine(
            descriptor,
            token,
            desired,
            mapping,
            &raw mut privileges,
            &raw mut length,
            &raw mut granted,
            &raw mut status,
        )
    };
    checked(called)?;
    Ok((granted, Status(status.cast_unsigned())))
}
