//! System calls of user mode: what a program sees of tokens.

use crate::access::SubjectContext;
use crate::object::reference_by_handle;
use crate::{Flavour, Group, Object, ObjectType, Privilege, System, Thread, Token};
use psimp_protocol::Status;
use psimp_rules::{Level, Luid, Sid, TokenType};
use psimp_service::rights;
use std::sync::Arc;

/// What queries of a token handle tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInformation {
    /// `TokenId`.
    pub token_id: Luid,
    /// Logon session.
    pub authentication_id: Luid,
    /// `TokenUser`.
    pub user: Sid,
    /// Type of the object.
    pub token_type: TokenType,
    /// `TokenImpersonationLevel`: an error on a primary token.
    pub level: Result<Level, Status>,
    /// `TokenGroups`.
    pub groups: Vec<Group>,
    /// `TokenPrivileges`.
    pub privileges: Vec<Privilege>,
}

impl System {
    /// `NtOpenThreadTokenEx` on `target` by `caller`. Returns a handle of the
    /// caller's process.
    ///
    /// # Errors
    /// In this order: the thread handle's own, `NO_TOKEN`, `CANT_OPEN_ANONYMOUS`,
    /// then those of the access check or of the copy.
    pub fn nt_open_thread_token(
        &self,
        caller: &Arc<Thread>,
        target: u64,
        desired: u32,
        open_as_self: bool,
    ) -> Result<u64, Status> {
        const THREAD_QUERY_INFORMATION: u32 = 0x40;
        let needed = match self.flavour() {
            Flavour::Nt52 => THREAD_QUERY_INFORMATION,
            Flavour::Win10 | Flavour::Documented => rights::THREAD_QUERY_LIMITED_INFORMATION,
        };
        let (Object::Thread(target), _) = reference_by_handle(caller, target, ObjectType::Thread, needed)?
        else {
            return Err(Status::OBJECT_TYPE_MISMATCH);
        };
        let slot = target.slot().ok_or(Status::NO_TOKEN)?;
        let level = Level::from_raw(slot.level).ok_or(Status::INVALID_PARAMETER)?;
        if level == Level::Anonymous {
            return Err(Status::CANT_OPEN_ANONYMOUS);
        }
        let disabled = open_as_self.then(|| caller.disable_impersonation());
        let opened = self.open_slot(caller, &target, &slot, level, desired);
        if let Some(state) = disabled {
            caller.restore_impersonation(state);
            // The swap reaches only what was in the slot: a thread that opens
            // its own token as itself swaps after the restore. NT 5.2 as
            // ReactOS has it swaps before, and so undoes it.
            if let (Ok((copy, true)), true) = (&opened, self.flavour() != Flavour::Nt52) {
                target.swap_copy(&slot.token, copy.clone());
            }
        }
        let (token, _) = opened?;
        Ok(caller.current_process().handles().insert(Object::Token(token), desired))
    }

    /// The token for the handle, and whether it is a copy-on-open copy.
    fn open_slot(
        &self,
        caller: &Thread,
        target: &Thread,
        slot: &crate::SlotState,
        level: Level,
        desired: u32,
    ) -> Result<(Arc<Token>, bool), Status> {
        if slot.copy_on_open {
            let copy =
                self.duplicate_token(&slot.token, TokenType::Impersonation, level, slot.effective_only)?;
            if self.flavour() == Flavour::Nt52 {
                // Through the decision again, which may downgrade once more.
                self.ps_impersonate_client(target, Some(&copy), false, slot.effective_only, slot.level)?;
            } else {
                target.swap_copy(&slot.token, copy.clone());
            }
            return Ok((copy, true));
        }
        if let Some(acl) = slot.token.acl() {
            SubjectContext::capture(caller).access_check(acl, desired)?;
        }
        Ok((slot.token.clone(), false))
    }

    /// `NtSetInformationThread(ThreadImpersonationToken)`; handle 0 reverts.
    ///
    /// # Errors
    /// Those of the handles, `BAD_TOKEN_TYPE` for a primary token, then those
    /// of `PsImpersonateClient`.
    pub fn nt_set_thread_token(&self, caller: &Arc<Thread>, target: u64, token: u64) -> Result<(), Status> {
        let (Object::Thread(target), _) =
            reference_by_handle(caller, target, ObjectType::Thread, rights::THREAD_SET_THREAD_TOKEN)?
        else {
            return Err(Status::OBJECT_TYPE_MISMATCH);
        };
        if token == 0 {
            return self.ps_impersonate_client(&target, None, false, false, 0);
        }
        let (Object::Token(token), _) =
            reference_by_handle(caller, token, ObjectType::Token, rights::TOKEN_IMPERSONATE)?
        else {
            return Err(Status::OBJECT_TYPE_MISMATCH);
        };
        if token.token_type() == TokenType::Primary {
            return Err(Status::BAD_TOKEN_TYPE);
        }
        self.ps_impersonate_client(&target, Some(&token), false, false, token.level() as u32)
    }

    /// `NtQueryInformationToken`, several classes at once.
    ///
    /// # Errors
    /// Those of the handle; it needs `TOKEN_QUERY`.
    pub fn nt_query_token(&self, caller: &Arc<Thread>, token: u64) -> Result<TokenInformation, Status> {
        let (Object::Token(token), _) =
            reference_by_handle(caller, token, ObjectType::Token, rights::TOKEN_QUERY)?
        else {
            return Err(Status::OBJECT_TYPE_MISMATCH);
        };
        Ok(TokenInformation {
            token_id: token.id(),
            authentication_id: token.authentication_id(),
            user: token.user(),
            token_type: token.token_type(),
            level: match token.token_type() {
                TokenType::Primary => Err(Status::INVALID_INFO_CLASS),
                TokenType::Impersonation => Ok(token.level()),
            },
            groups: token.groups(),
            privileges: token.privileges(),
        })
    }

    /// `NtClose`.
    ///
    /// # Errors
    /// `INVALID_HANDLE`.
    pub fn nt_close(&self, caller: &Thread, handle: u64) -> Result<(), Status> {
        let closed = caller.current_process().handles().remove(handle);
        closed.map(drop).ok_or(Status::INVALID_HANDLE)
    }
}
