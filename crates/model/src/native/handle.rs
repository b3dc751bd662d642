//! Handles.

use crate::object::HandleTable;
use crate::status::NOT_SUPPORTED;
use crate::{GenericMapping, ObjectType, System};
use psimp_nt::Status;

impl System {
    /// `NtDuplicateObject` from one process to another: with the access of the handle, or with this access instead.
    ///
    /// # Errors
    /// `INVALID_HANDLE`. `NOT_SUPPORTED` for more access than the handle grants, which the kernel checks against the
    /// object, and the model does not.
    pub fn nt_duplicate_object(
        &self,
        from: &HandleTable,
        handle: u64,
        to: &HandleTable,
        access: Option<u32>,
    ) -> Result<u64, Status> {
        let (object, granted) = from.get(handle).ok_or(Status::INVALID_HANDLE)?;
        let mapping = match object.object_type() {
            ObjectType::Token => GenericMapping::TOKEN,
            ObjectType::Thread => GenericMapping::THREAD,
            ObjectType::Process => GenericMapping::PROCESS,
            ObjectType::Event => GenericMapping::EVENT,
        };
        let access = access.map_or(granted, |access| mapping.map(access));
        if access & !granted != 0 {
            return Err(NOT_SUPPORTED);
        }
        Ok(to.insert(object, access))
    }
}
