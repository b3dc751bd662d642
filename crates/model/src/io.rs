//! The I/O manager's part in opening a device and sending it a control code.

use crate::access::{GenericMapping, SubjectContext};
use crate::rights;
use crate::{Acl, Process, System, Thread};
use psimp_nt::Status;
use std::sync::Arc;

/// Opens a device with the current security context of `thread`; returns the
/// access granted and the process that the open belongs to.
///
/// # Errors
/// Those of the access check.
pub fn open_device(
    system: &System,
    thread: &Thread,
    device: &Acl,
    desired: u32,
) -> Result<(u32, Arc<Process>), Status> {
    let subject = SubjectContext::capture(system, thread);
    let granted = subject.dacl_check(Some(device), desired, &GenericMapping::FILE)?;
    Ok((granted, thread.process().clone()))
}

/// Checks the access bits of a control code against those of the handle, before
/// the driver gets the request.
///
/// # Errors
/// `ACCESS_DENIED` when the handle lacks what the code asks for.
pub fn check_ioctl_access(code: u32, granted: u32) -> Result<(), Status> {
    let needed = code >> 14 & (rights::FILE_READ_DATA | rights::FILE_WRITE_DATA);
    if granted & needed != needed {
        return Err(Status::ACCESS_DENIED);
    }
    Ok(())
}
