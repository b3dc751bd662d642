//! Setting a thread's token.

use crate::object::thread_by_handle;
use crate::{System, Thread, rights};
use psimp_nt::Status;
use std::sync::Arc;

impl System {
    /// `NtSetInformationThread` as user mode calls it: the class, and the bytes
    /// of the information.
    ///
    /// # Errors
    /// `INVALID_INFO_CLASS` for any class but `ThreadImpersonationToken`,
    /// `INFO_LENGTH_MISMATCH` unless the information is one 64-bit handle, then
    /// those of [`System::nt_set_thread_token`].
    pub fn nt_set_information_thread(
        &self,
        caller: &Arc<Thread>,
        target: u64,
        class: u32,
        information: &[u8],
    ) -> Result<(), Status> {
        const THREAD_IMPERSONATION_TOKEN: u32 = 5;
        if class != THREAD_IMPERSONATION_TOKEN {
            return Err(Status::INVALID_INFO_CLASS);
        }
        let token = <[u8; 8]>::try_from(information).map_err(|_| Status::INFO_LENGTH_MISMATCH)?;
        self.nt_set_thread_token(caller, target, u64::from_le_bytes(token))
    }

    /// `NtSetInformationThread(ThreadImpersonationToken)`; handle 0 reverts.
    ///
    /// # Errors
    /// Those of the thread handle, which needs `THREAD_SET_THREAD_TOKEN`, then
    /// those of [`System::ps_assign_impersonation_token`].
    pub fn nt_set_thread_token(&self, caller: &Arc<Thread>, target: u64, token: u64) -> Result<(), Status> {
        let target = thread_by_handle(caller, target, rights::THREAD_SET_THREAD_TOKEN)?;
        self.ps_assign_impersonation_token(caller, &target, token)
    }
}
