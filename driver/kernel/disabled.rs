//! Acting as the calling process while the thread impersonates.

use crate::ntoskrnl::{PsDisableImpersonation, PsGetCurrentThread, PsRestoreImpersonation};
use wdk_sys::SE_IMPERSONATION_STATE;

/// While this exists, the calling thread impersonates nobody. It stays on its thread.
pub(super) struct ImpersonationDisabled(Option<SE_IMPERSONATION_STATE>);

impl ImpersonationDisabled {
    /// `PsDisableImpersonation`: moves what the slot holds out of it.
    pub(super) fn new() -> Self {
        let mut state = SE_IMPERSONATION_STATE::default();
        // SAFETY: callable at any IRQL.
        let thread = unsafe { PsGetCurrentThread() };
        // SAFETY: PASSIVE_LEVEL, the current thread; the pointer is to a local.
        let impersonated = unsafe { PsDisableImpersonation(thread, &raw mut state) };
        Self((impersonated != 0).then_some(state))
    }
}

impl Drop for ImpersonationDisabled {
    /// Only what was moved out is moved back: on NT 5.2 a thread without a block must not be restored.
    fn drop(&mut self) {
        if let Some(mut state) = self.0.take() {
            // SAFETY: callable at any IRQL.
            let thread = unsafe { PsGetCurrentThread() };
            // SAFETY: PASSIVE_LEVEL, the thread that the state is of; it is restored once.
            unsafe { PsRestoreImpersonation(thread, &raw mut state) };
        }
    }
}
