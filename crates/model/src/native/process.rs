//! Creating processes.

use crate::access::AccessMode;
use crate::object::token_by_handle;
use crate::{Process, System, Thread, Token, privileges, rights};
use psimp_nt::{Level, Status, TokenType};
use std::sync::Arc;

impl System {
    /// `NtCreateUserProcess` with a token, as `CreateProcessAsUser` calls it; on NT 5.2 `NtSetInformationProcess` of the
    /// new process. The child has a primary token like the one of the handle, whatever the thread impersonates.
    ///
    /// Not modelled: the quota privilege, the check of the image, and that NT 5.2 assigns a token to one process only.
    ///
    /// # Errors
    /// Those of the handle, which needs `TOKEN_ASSIGN_PRIMARY`; since Windows Vista `BAD_IMPERSONATION_LEVEL` for an
    /// impersonation token below Impersonation; `PRIVILEGE_NOT_HELD` unless the thread's effective token has
    /// `SeAssignPrimaryTokenPrivilege` enabled, or the token derives from that of the thread's process: then that of the
    /// process counts, and not that of the client. On NT 5.2 then `BAD_TOKEN_TYPE` for an impersonation token.
    pub fn nt_create_process_as_user(
        &self,
        creator: &Arc<Thread>,
        token: u64,
    ) -> Result<Arc<Process>, Status> {
        let (token, _) = token_by_handle(creator, token, rights::TOKEN_ASSIGN_PRIMARY)?;
        let impersonation = token.token_type() == TokenType::Impersonation;
        let privilege = privileges::ASSIGN_PRIMARY_TOKEN;
        let privileged = self.se_single_privilege_check(creator, privilege, AccessMode::User);
        let own = creator.with_current_process(Process::primary);
        let assignable = if self.is_nt52() {
            is_child(&own, &token)
        } else if impersonation && token.level() < Level::Impersonation {
            return Err(Status::BAD_IMPERSONATION_LEVEL);
        } else {
            let derives = is_child(&own, &token) || is_sibling(&own, &token);
            derives && own.integrity() >= token.integrity() && own.session_id() == token.session_id()
        };
        if !privileged && !assignable {
            return Err(Status::PRIVILEGE_NOT_HELD);
        }
        if self.is_nt52() && impersonation {
            return Err(Status::BAD_TOKEN_TYPE);
        }
        let (effective, ..) = self.ps_reference_effective_token(creator);
        let acl = Some(effective.default_dacl());
        let primary = self.duplicate_token_for(&token, TokenType::Primary, token.level(), false, acl)?;
        Ok(self.create_process(primary))
    }
}

/// Whether a token was filtered from that of the process (`SeIsChildToken`).
fn is_child(own: &Token, token: &Token) -> bool {
    token.parent() == own.id()
}

/// Whether both were filtered from one token, or neither was, in the same logon session (`SeIsSiblingToken`).
fn is_sibling(own: &Token, token: &Token) -> bool {
    token.parent() == own.parent() && token.authentication_id() == own.authentication_id()
}
