//! Self-relative security descriptors and SIDs.

use crate::ioctl;
use psimp_harness::driver::Source;
use psimp_model::{
    AccessRequest, GenericMapping, Kernel, SecurityDescriptor, SubjectContext, System, Thread, TokenSpec,
    rights, sids,
};
use psimp_nt::{Level, Luid, Sid, Status, TokenType};
use std::sync::Arc;

pub(crate) fn run(bytes: &[u8], sources: &[Source]) -> Result<(), String> {
    sid(bytes)?;
    descriptor(bytes)?;
    // Through the driver only if there is an image; the service has a target
    // of its own.
    match sources {
        [_, _, ..] => ioctl::run(&ioctl::access_check(bytes), sources),
        _ => Ok(()),
    }
}

fn sid(bytes: &[u8]) -> Result<(), String> {
    let Ok(sid) = Sid::parse(bytes) else { return Ok(()) };
    let form = sid.as_bytes();
    if !bytes.starts_with(form) || Sid::parse(form) != Ok(sid) || !sid.padded().starts_with(form) {
        return Err(format!("{sid} is written in other bytes than it was read from"));
    }
    let parts = sid.to_string().split('-').count();
    if parts != 3 + (form.len() - 8) / 4 {
        return Err(format!("{sid} has {parts} parts"));
    }
    Ok(())
}

fn descriptor(bytes: &[u8]) -> Result<(), String> {
    let descriptor = match SecurityDescriptor::parse_owned(bytes) {
        Ok(descriptor) => descriptor,
        Err(Status::INVALID_SECURITY_DESCR) => return Ok(()),
        Err(other) => return Err(format!("refused with {other}")),
    };
    if let Some(written) = descriptor.to_self_relative() {
        let read = SecurityDescriptor::parse_owned(&written);
        if read.as_ref() != Ok(&descriptor) {
            return Err(format!("{descriptor:?} is read back as {read:?}"));
        }
    }
    for restricted in [false, true] {
        let (system, thread) = machine(restricted);
        let subject = SubjectContext::capture(&system, &thread);
        for desired in [0, rights::FILE_READ_DATA, rights::MAXIMUM_ALLOWED, u32::MAX] {
            let request = AccessRequest::user(desired, GenericMapping::FILE);
            let granted = subject.se_access_check(Some(&descriptor), &request);
            let exact = desired == rights::FILE_READ_DATA;
            if granted == Ok(0) || (exact && granted.is_ok_and(|granted| granted != desired)) {
                return Err(format!("0x{desired:X} of {descriptor:?}: {granted:?}"));
            }
        }
    }
    Ok(())
}

/// A thread of SYSTEM, whose token may be restricted to itself.
fn machine(restricted: bool) -> (System, Arc<Thread>) {
    let system = System::new(Kernel::Win10);
    let token = system.create_token(TokenSpec {
        restricting: if restricted { vec![sids::LOCAL_SYSTEM] } else { Vec::new() },
        ..TokenSpec::new(sids::LOCAL_SYSTEM, Luid::SYSTEM, TokenType::Primary, Level::Anonymous)
    });
    let thread = system.create_thread(&system.create_process(token));
    (system, thread)
}
