//! Opening the token of a thread or of a process.

use crate::access::{AccessRequest, GenericMapping, SubjectContext};
use crate::object::{process_by_handle, thread_by_handle};
use crate::rights;
use crate::{Ace, Acl, ImpersonationState, Object, SlotState, System, Thread, Token, sids};
use psimp_nt::{Level, Status, TokenType};
use std::sync::Arc;

/// The result of opening a token.
struct Opened {
    token: Arc<Token>,
    granted: u32,
    /// Whether it is a copy-on-open copy.
    copied: bool,
}

impl System {
    /// `NtOpenThreadTokenEx` on `target` by `caller`. Returns a handle of the
    /// caller's process.
    ///
    /// With copy-on-open the handle is for a copy at the slot's level, and the
    /// copy replaces the token in the thread's slot: a second open gets the same
    /// object. On NT 5.2 the replacement goes through
    /// [`System::ps_impersonate_client`], whose decision may downgrade again, and
    /// a thread that opens its own token with `as_self` does not keep the copy.
    ///
    /// # Errors
    /// In this order: the thread handle's own (it needs
    /// `THREAD_QUERY_LIMITED_INFORMATION`, on NT 5.2 `THREAD_QUERY_INFORMATION`),
    /// `NO_TOKEN`, `CANT_OPEN_ANONYMOUS`, then those of the access check on the
    /// token, or of the copy, which is its creator's without a check.
    pub fn nt_open_thread_token(
        &self,
        caller: &Arc<Thread>,
        target: u64,
        desired: u32,
        open_as_self: bool,
    ) -> Result<u64, Status> {
        let needed = if self.is_nt52() {
            rights::THREAD_QUERY_INFORMATION
        } else {
            rights::THREAD_QUERY_LIMITED_INFORMATION
        };
        let target = thread_by_handle(caller, target, needed)?;
        let slot = target.slot().ok_or(Status::NO_TOKEN)?;
        let level = Level::from_raw(slot.level).ok_or(Status::INVALID_PARAMETER)?;
        if level == Level::Anonymous {
            return Err(Status::CANT_OPEN_ANONYMOUS);
        }
        let disabled = open_as_self
            .then(|| caller.disable_impersonation())
            .filter(ImpersonationState::was_impersonating);
        let opened = self.open_slot(caller, &target, &slot, level, desired);
        if let Some(state) = disabled {
            caller.restore_impersonation(state);
        }
        let opened = opened?;
        // The swap changes only the slot, so it follows the restore.
        if opened.copied && !self.is_nt52() {
            target.swap_copy(&slot.token, opened.token.clone());
        }
        drop(slot);
        Ok(caller.with_current_process(|p| p.handles().insert(Object::Token(opened.token), opened.granted)))
    }

    fn open_slot(
        &self,
        caller: &Thread,
        target: &Thread,
        slot: &SlotState,
        level: Level,
        desired: u32,
    ) -> Result<Opened, Status> {
        if !slot.copy_on_open {
            let token = slot.token.clone();
            let granted = self.open_check(caller, &token, desired)?;
            return Ok(Opened { token, granted, copied: false });
        }
        let acl = copy_acl(&slot.token, &target.process().primary());
        let copy = self.duplicate_token_for(
            &slot.token,
            TokenType::Impersonation,
            level,
            slot.effective_only,
            Some(acl),
        )?;
        if self.is_nt52() {
            self.ps_impersonate_client(target, Some(&copy), false, slot.effective_only, slot.level)?;
        }
        let granted = AccessRequest::user(desired, GenericMapping::TOKEN).granted_unchecked();
        Ok(Opened { token: copy, granted, copied: true })
    }

    /// `NtOpenProcessToken`.
    ///
    /// # Errors
    /// Those of the process handle (it needs `PROCESS_QUERY_LIMITED_INFORMATION`,
    /// on NT 5.2 `PROCESS_QUERY_INFORMATION`) and of the access check on the
    /// token.
    pub fn nt_open_process_token(
        &self,
        caller: &Arc<Thread>,
        process: u64,
        desired: u32,
    ) -> Result<u64, Status> {
        let needed = if self.is_nt52() {
            rights::PROCESS_QUERY_INFORMATION
        } else {
            rights::PROCESS_QUERY_LIMITED_INFORMATION
        };
        let process = process_by_handle(caller, process, needed)?;
        let token = process.primary();
        let granted = self.open_check(caller, &token, desired)?;
        Ok(caller.with_current_process(|p| p.handles().insert(Object::Token(token), granted)))
    }

    /// The access to a token that the caller gets with its current security
    /// context. A token without a DACL grants everyone access, but the level is
    /// still tested.
    fn open_check(&self, caller: &Thread, token: &Token, desired: u32) -> Result<u32, Status> {
        SubjectContext::capture(self, caller).dacl_check(token.acl(), desired, &GenericMapping::TOKEN)
    }
}

/// Who may open a copy-on-open copy: the token's user, the user of the thread's
/// process, administrators and the system, and restricted code if either token
/// has restricting SIDs.
fn copy_acl(token: &Token, primary: &Token) -> Acl {
    let mut who = vec![token.user(), primary.user(), sids::ADMINISTRATORS, sids::LOCAL_SYSTEM];
    if token.is_restricted() || primary.is_restricted() {
        who.push(sids::RESTRICTED);
    }
    Acl(who.into_iter().map(|sid| Ace::allow(sid, rights::GENERIC_ALL)).collect())
}
