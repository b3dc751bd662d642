//! The `Ps` routines of impersonation.

use crate::fault::FaultPoint;
use crate::object::token_by_handle;
use crate::{SlotState, System, Thread, Token, rights};
use psimp_nt::{Level, Status, TokenType};
use psimp_rules::{Decision, Refusal, SlotStorage, Verdict, decide};
use std::sync::Arc;

impl System {
    /// The kernel's decision for a thread and a token.
    pub fn decide(&self, thread: &Thread, token: &Token, level: Level) -> Decision {
        decide(self.profile(), Some(&thread.process().primary_facts()), &token.facts(), level)
    }

    /// `PsImpersonateClient`. `level` is passed unchecked by the caller; unlike
    /// real kernels the model refuses values above 3. The slot takes its own
    /// reference; the caller keeps its references.
    ///
    /// # Errors
    /// The slot and all references are as before. `INVALID_PARAMETER` for a level
    /// above 3; without memory for the block `NO_MEMORY` or `INSUFFICIENT_RESOURCES`, as
    /// the kernel has it; what the duplication fails with; `ACCESS_DENIED` by a
    /// job; `UNSUCCESSFUL` without a primary token; `PRIVILEGE_NOT_HELD` where
    /// the profile turns a refusal into an error (`EPERM` on Peios), also that of
    /// a restricted server; `INVALID_PARAMETER` for a token of primary type where
    /// the profile takes none (`EINVAL` on Peios).
    pub fn ps_impersonate_client(
        &self,
        thread: &Thread,
        token: Option<&Arc<Token>>,
        copy_on_open: bool,
        effective_only: bool,
        level: u32,
    ) -> Result<(), Status> {
        let Some(token) = token else {
            thread.set_slot(None);
            return Ok(());
        };
        let level = Level::from_raw(level).ok_or(Status::INVALID_PARAMETER)?;
        self.reserve_block(thread)?;
        let (token, level) = match self.decide(thread, token, level).verdict {
            Verdict::Kept(level) => (token.clone(), level),
            Verdict::Copied(level) => (self.downgrade_copy(token, level)?, level),
            Verdict::Refused(Refusal::NoPrimaryToken) => return Err(Status::UNSUCCESSFUL),
            Verdict::Refused(Refusal::TokenType) => return Err(Status::INVALID_PARAMETER),
            Verdict::Refused(Refusal::Denied | Refusal::RestrictedServer) => {
                return Err(Status::PRIVILEGE_NOT_HELD);
            }
        };
        let token = self.apply_job(thread.process(), token)?;
        thread.set_slot(Some(SlotState { token, copy_on_open, effective_only, level: level as u32 }));
        Ok(())
    }

    /// The copy that is stored in the token's place. Its descriptor is not modelled, only that
    /// extending it takes memory.
    fn downgrade_copy(&self, token: &Token, level: Level) -> Result<Arc<Token>, Status> {
        let copy = self.duplicate_token(token, TokenType::Impersonation, level, false)?;
        if self.kernel().facts().extends_copy_descriptor {
            self.faults().check(FaultPoint::CopyDescriptor)?;
        }
        Ok(copy)
    }

    /// Allocates the block of a thread that never impersonated; it stays until
    /// the thread object is freed.
    fn reserve_block(&self, thread: &Thread) -> Result<(), Status> {
        let status = match self.profile().slot_storage {
            SlotStorage::Inline => return Ok(()),
            SlotStorage::BlockNoMemory => Status::NO_MEMORY,
            SlotStorage::BlockInsufficientResources => Status::INSUFFICIENT_RESOURCES,
        };
        if thread.needs_block() {
            self.faults().check(FaultPoint::ThreadBlock).map_err(|_| status)?;
            thread.set_block();
        }
        Ok(())
    }

    /// `PsRevertToSelf` for the current thread, and `PsRevertThreadToSelf` for
    /// any thread. It cannot fail.
    pub fn ps_revert_to_self(&self, thread: &Thread) {
        thread.set_slot(None);
    }

    /// `PsAssignImpersonationToken`: the token behind a handle of the caller, at
    /// its own level and without flags; handle 0 reverts.
    ///
    /// # Errors
    /// Those of the handle, which needs `TOKEN_IMPERSONATE`; `BAD_TOKEN_TYPE` for
    /// a primary token; then those of [`System::ps_impersonate_client`].
    pub fn ps_assign_impersonation_token(
        &self,
        caller: &Arc<Thread>,
        target: &Thread,
        token: u64,
    ) -> Result<(), Status> {
        if token == 0 {
            return self.ps_impersonate_client(target, None, false, false, 0);
        }
        let (token, _) = token_by_handle(caller, token, rights::TOKEN_IMPERSONATE)?;
        if token.token_type() == TokenType::Primary {
            return Err(Status::BAD_TOKEN_TYPE);
        }
        self.ps_impersonate_client(target, Some(&token), false, false, token.level() as u32)
    }

    /// `PsDereferenceImpersonationToken`: drops one reference; without a token it
    /// does nothing.
    pub fn ps_dereference_impersonation_token(&self, token: Option<Arc<Token>>) {
        drop(token);
    }

    /// `PsReferenceEffectiveToken` (not exported by any kernel): token, type,
    /// effective-only, and the level only while impersonating. The type is the
    /// slot's view: impersonation even for a token object of primary type.
    pub fn ps_reference_effective_token(
        &self,
        thread: &Thread,
    ) -> (Arc<Token>, TokenType, bool, Option<u32>) {
        match thread.slot() {
            Some(slot) => (slot.token, TokenType::Impersonation, slot.effective_only, Some(slot.level)),
            None => (thread.process().primary(), TokenType::Primary, false, None),
        }
    }
}
