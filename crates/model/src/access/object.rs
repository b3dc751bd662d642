//! Opening objects by name: the access checks only.

use super::check::AccessRequest;
use super::mapping::GenericMapping;
use super::subject::SubjectContext;
use crate::{SecurityDescriptor, System, Thread, privileges};
use psimp_nt::Status;

/// `FILE_TRAVERSE`: the model's directories are file directories.
const TRAVERSE: u32 = 0x20;

impl System {
    /// Opens an object with the current security context of `thread`; returns
    /// the access granted. An object without a descriptor is opened without a
    /// check, at every level.
    ///
    /// # Errors
    /// Those of [`SubjectContext::se_access_check`].
    pub fn ob_open_object(
        &self,
        thread: &Thread,
        descriptor: Option<&SecurityDescriptor>,
        desired: u32,
        mapping: &GenericMapping,
    ) -> Result<u32, Status> {
        let request = AccessRequest::user(mapping.map(desired), *mapping);
        match descriptor {
            None => Ok(request.granted_unchecked()),
            Some(_) => SubjectContext::capture(self, thread).se_access_check(descriptor, &request),
        }
    }

    /// [`System::ob_open_object`] on an object inside directories. A subject
    /// with `SeChangeNotifyPrivilege` passes the directories without a check, at
    /// any level (`SeFastTraverseCheck`); the object itself is still checked.
    ///
    /// # Errors
    /// Those of the first directory that may not be traversed, or of the object.
    pub fn ob_open_nested_object(
        &self,
        thread: &Thread,
        directories: &[SecurityDescriptor],
        descriptor: Option<&SecurityDescriptor>,
        desired: u32,
        mapping: &GenericMapping,
    ) -> Result<u32, Status> {
        let subject = SubjectContext::capture(self, thread);
        if !subject.token().has_privilege(privileges::CHANGE_NOTIFY) {
            let request = AccessRequest::user(TRAVERSE, GenericMapping::FILE);
            for directory in directories {
                subject.se_access_check(Some(directory), &request)?;
            }
        }
        self.ob_open_object(thread, descriptor, desired, mapping)
    }
}
