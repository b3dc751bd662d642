//! Access and privilege checks of a script.

use super::Run;
use super::program::{DESIRED, security};
use crate::client::Contract as _;
use crate::machine::OTHER_PRIVILEGE;
use psimp_catalogue::{Judge, Securable};
use psimp_model::{AccessMode, AccessRequest, Acl, GenericMapping, SecurityDescriptor, SubjectContext, sids};
use psimp_nt::Status;
use psimp_protocol::wire;

const FILE: GenericMapping = GenericMapping::FILE;
/// What `GENERIC_READ` of a file is.
const FILE_GENERIC_READ: u32 = 0x0012_0089;
/// What `GENERIC_ALL` of a file is.
const FILE_ALL_ACCESS: u32 = 0x001F_01FF;

impl Run<'_, '_> {
    pub(super) fn judge(&self, judge: &Judge) {
        let (system, thread) = (&self.machine.system, &self.machine.thread);
        match *judge {
            Judge::Open(object, desired, status) => {
                let opened = system.ob_open_object(thread, security(object).as_ref(), desired, &FILE);
                self.ended("open", status, opened.map(drop));
                if self.has_device() && !matches!(object, Securable::NoDescriptor) {
                    self.access_check(object, desired, status);
                }
            }
            Judge::OpenNested(object, status) => {
                let closed = SecurityDescriptor::new(sids::LOCAL_SYSTEM, Some(Acl::default()));
                let object = security(object);
                let opened = system.ob_open_nested_object(thread, &[closed], object.as_ref(), DESIRED, &FILE);
                self.ended("open below a closed directory", status, opened.map(drop));
            }
            Judge::KernelMode(object, status) => {
                let request =
                    AccessRequest { mode: AccessMode::Kernel, ..AccessRequest::user(DESIRED, FILE) };
                let subject = SubjectContext::capture(system, thread);
                let checked = subject.se_access_check(security(object).as_ref(), &request);
                self.ended("SeAccessCheck for kernel mode", status, checked.map(drop));
            }
            Judge::Privilege(expected) => {
                let held = system.se_single_privilege_check(thread, OTHER_PRIVILEGE, AccessMode::User);
                self.same("SeSinglePrivilegeCheck", &expected, &held);
            }
            Judge::Token(token, object, status) => {
                let token = self.handle(token).value;
                let checked = system.nt_access_check(thread, &bytes(object), token, DESIRED, &FILE);
                let granted = if status.is_success() { DESIRED } else { 0 };
                self.same("access granted", &granted, &checked.map_or(0, |checked| checked.granted));
                self.ended("NtAccessCheck", status, checked.and_then(|checked| checked.status.ok()));
            }
            Judge::Worker(object, caller, worker) => {
                let checked = self.through_driver(|client| client.worker_check(&bytes(object), DESIRED));
                let told = |status| expected_access(DESIRED, status);
                match checked {
                    Ok(wire::WorkerAccess { caller: own, worker: its }) => self.same(
                        "WORKER_CHECK: granted and status of the caller, and of the worker",
                        &(told(caller), told(worker)),
                        &((own.granted, own.status), (its.granted, its.status)),
                    ),
                    Err(failure) => self.succeeded("WORKER_CHECK", Err(failure)),
                }
            }
            Judge::TokenPrivilege(token, expected) => {
                let token = self.handle(token).value;
                let held = system.nt_privilege_check(thread, token, &[OTHER_PRIVILEGE], true);
                self.same("NtPrivilegeCheck", &expected, &held);
            }
        }
    }

    /// The driver's `ACCESS_CHECK`: a refusal grants nothing.
    fn access_check(&self, object: Securable, desired: u32, status: Status) {
        let checked = self.through_driver(|client| client.access_check(&bytes(object), desired));
        let expected = expected_access(desired, status);
        match checked {
            Ok(access) => {
                self.same("ACCESS_CHECK: granted, status", &expected, &(access.granted, access.status));
            }
            Err(failure) => self.succeeded("ACCESS_CHECK", Err(failure)),
        }
    }
}

/// Granted access and status of an access check with the generic rights of files: a refusal grants nothing.
pub(crate) fn expected_access(desired: u32, status: Status) -> (u32, u32) {
    let granted = match desired {
        0x8000_0000 => FILE_GENERIC_READ,
        0x1000_0000 => FILE_ALL_ACCESS,
        specific => specific,
    };
    (if status.is_success() { granted } else { 0 }, status.0)
}

fn bytes(object: Securable) -> Vec<u8> {
    // A handful of entries always fits.
    security(object).and_then(|object| object.to_self_relative()).unwrap_or_default()
}
