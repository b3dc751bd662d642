//! Privilege checks.

use super::check::AccessMode;
use super::subject::SubjectContext;
use crate::object::token_by_handle;
use crate::rights;
use crate::{System, Thread};
use psimp_nt::{Level, Status, TokenType};
use std::sync::Arc;

impl System {
    /// `SeSinglePrivilegeCheck` for the current thread.
    pub fn se_single_privilege_check(&self, thread: &Thread, luid: u32, mode: AccessMode) -> bool {
        self.se_privilege_check(&SubjectContext::capture(self, thread), &[luid], true, mode)
    }

    /// `SePrivilegeCheck`: all or any of the privileges, enabled in the client
    /// token if there is one. A client that is too weak has none, regardless of
    /// the primary token. NT 5.2 tests the level for kernel mode too.
    pub fn se_privilege_check(
        &self,
        subject: &SubjectContext,
        luids: &[u32],
        all: bool,
        mode: AccessMode,
    ) -> bool {
        let too_weak = subject.is_too_weak();
        match mode {
            AccessMode::Kernel => !(too_weak && self.is_nt52()),
            AccessMode::User => !too_weak && holds(subject.token(), luids, all),
        }
    }

    /// `NtPrivilegeCheck` of a token: an Identification token is accepted.
    ///
    /// # Errors
    /// Those of the handle, which needs `TOKEN_QUERY`; `BAD_IMPERSONATION_LEVEL`
    /// for an impersonation token at Anonymous level.
    pub fn nt_privilege_check(
        &self,
        caller: &Arc<Thread>,
        token: u64,
        luids: &[u32],
        all: bool,
    ) -> Result<bool, Status> {
        let (token, _) = token_by_handle(caller, token, rights::TOKEN_QUERY)?;
        if token.token_type() == TokenType::Impersonation && token.level() < Level::Identification {
            return Err(Status::BAD_IMPERSONATION_LEVEL);
        }
        Ok(holds(&token, luids, all))
    }
}

fn holds(token: &crate::Token, luids: &[u32], all: bool) -> bool {
    let mut each = luids.iter().map(|luid| token.has_privilege(*luid));
    if all { each.all(|held| held) } else { each.any(|held| held) }
}
