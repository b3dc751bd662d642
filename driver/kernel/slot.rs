//! A thread's impersonation slot, and the primary token behind it.

use super::check;
use super::object::Thread;
use super::token::{PrimaryToken, SlotToken, TokenPtr};
use crate::ntoskrnl::{
    PsImpersonateClient, PsReferenceImpersonationToken, PsReferencePrimaryToken, PsRevertToSelf,
};
use core::ptr::{self, NonNull};
use psimp_nt::{Level, Status};
use psimp_service::Slot;

impl Thread {
    /// The primary token of the process that owns the thread, referenced.
    pub(crate) fn primary_token(&self) -> PrimaryToken {
        // SAFETY: the thread keeps its process alive.
        let token = unsafe { PsReferencePrimaryToken(self.process()) };
        // SAFETY: the value takes over the reference just taken.
        unsafe { PrimaryToken::from_owned(token) }
    }

    /// What the slot holds, its token referenced; `None` when the thread does not impersonate.
    pub(crate) fn slot(&self) -> Option<Slot<SlotToken>> {
        // Not written when the thread does not impersonate.
        let (mut copy_on_open, mut effective_only, mut level) = (0, 0, 0);
        // SAFETY: the thread is current or referenced; the pointers are to locals.
        let token = unsafe {
            PsReferenceImpersonationToken(
                self.as_ptr(),
                &raw mut copy_on_open,
                &raw mut effective_only,
                &raw mut level,
            )
        };
        let token = NonNull::new(token)?;
        Some(Slot {
            // SAFETY: not null, so one reference is ours.
            token: unsafe { SlotToken::from_owned(token) },
            copy_on_open: copy_on_open != 0,
            effective_only: effective_only != 0,
            level: level.cast_unsigned(),
        })
    }

    /// `PsImpersonateClient`. The slot takes its own reference on the token.
    ///
    /// # Errors
    /// The routine's error; the slot is unchanged.
    pub(crate) fn impersonate(
        &self,
        token: TokenPtr<'_>,
        copy_on_open: bool,
        effective_only: bool,
        level: Level,
    ) -> Result<(), Status> {
        // SAFETY: the thread is current or referenced, the token is referenced meanwhile.
        check(unsafe {
            PsImpersonateClient(
                self.as_ptr(),
                token.as_ptr(),
                copy_on_open.into(),
                effective_only.into(),
                i32::from(level as u8),
            )
        })
    }

    /// `PsImpersonateClient` without a token.
    ///
    /// # Errors
    /// The routine's error.
    pub(crate) fn end_impersonation(&self) -> Result<(), Status> {
        // SAFETY: the thread is current or referenced; without a token the other arguments are
        // ignored.
        check(unsafe { PsImpersonateClient(self.as_ptr(), ptr::null_mut(), 0, 0, 0) })
    }
}

/// `PsRevertToSelf`: ends the calling thread's impersonation.
pub(crate) fn revert_to_self() {
    // SAFETY: PASSIVE_LEVEL, the current thread.
    unsafe { PsRevertToSelf() }
}
