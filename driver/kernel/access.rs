//! Access checks with the calling thread's current security context, also on a
//! system worker thread.

use crate::ntoskrnl::{
    RtlMapGenericMask, RtlValidRelativeSecurityDescriptor, SeAccessCheck, SeCaptureSubjectContext,
    SeReleaseSubjectContext,
};
use psimp_nt::Status;
use wdk_sys::{
    _MODE::UserMode, GENERIC_MAPPING, GROUP_SECURITY_INFORMATION, OWNER_SECURITY_INFORMATION,
    SECURITY_SUBJECT_CONTEXT,
};

/// The generic mapping of files, as `IoGetFileObjectGenericMapping` returns it.
const FILE_MAPPING: GENERIC_MAPPING = GENERIC_MAPPING {
    GenericRead: 0x0012_0089,
    GenericWrite: 0x0012_0116,
    GenericExecute: 0x0012_00A0,
    GenericAll: 0x001F_01FF,
};

/// The thread's security context, released on drop.
struct Subject(SECURITY_SUBJECT_CONTEXT);

impl Subject {
    fn capture() -> Self {
        let mut context = SECURITY_SUBJECT_CONTEXT::default();
        // SAFETY: `PASSIVE_LEVEL`; the pointer is to a local. The routine takes
        // references on the thread's tokens, which `drop` releases.
        unsafe { SeCaptureSubjectContext(&raw mut context) };
        Self(context)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // SAFETY: captured once, released once.
        unsafe { SeReleaseSubjectContext(&raw mut self.0) };
    }
}

/// `SeAccessCheck` for user mode: the access granted, and the access status.
///
/// # Errors
/// `INVALID_SECURITY_DESCR` for bytes that are not a self-relative descriptor with
/// an owner and a group.
pub(crate) fn check(descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status> {
    let bytes = descriptor.as_ptr().cast_mut().cast();
    let length = u32::try_from(descriptor.len()).map_err(|_| Status::INVALID_SECURITY_DESCR)?;
    let needed = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION;
    // SAFETY: reads at most `length` bytes of a buffer that is the kernel's own
    // copy, so that it cannot change after the check. Nothing is written.
    let valid = unsafe { RtlValidRelativeSecurityDescriptor(bytes, length, needed) };
    if valid == 0 {
        return Err(Status::INVALID_SECURITY_DESCR);
    }
    let mut subject = Subject::capture();
    let (mut desired, mut mapping) = (desired, FILE_MAPPING);
    // SAFETY: both pointers are to locals. `SeAccessCheck` maps no generic rights.
    unsafe { RtlMapGenericMask(&raw mut desired, &raw mut mapping) };
    let (mut granted, mut status) = (0, 0);
    #[allow(clippy::cast_possible_truncation)] // 1
    let mode = UserMode as i8;
    // SAFETY: the descriptor is valid, the context captured and not locked, the
    // other pointers are to locals; no privilege set is asked for.
    let allowed = unsafe {
        SeAccessCheck(
            bytes,
            &raw mut subject.0,
            0,
            desired,
            0,
            core::ptr::null_mut(),
            &raw mut mapping,
            mode,
            &raw mut granted,
            &raw mut status,
        )
    };
    Ok((if allowed == 0 { 0 } else { granted }, Status(status.cast_unsigned())))
}
