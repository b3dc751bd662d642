//! Processes with a token of their own.

use crate::access::AccessMode;
use crate::object::token_by_handle;
use crate::{Process, System, Thread, privileges, rights};
use psimp_nt::{Status, TokenType};
use std::sync::Arc;

impl System {
    /// `NtSetInformationProcess(ProcessAccessToken)` of a process that is being created, as `CreateProcessAsUser`
    /// makes it: the process with the primary token of this handle.
    ///
    /// A token that was filtered from the caller's own is assigned to anybody's process. One that was filtered twice is
    /// not the caller's child: the token in between is its parent.
    ///
    /// # Errors
    /// Those of the handle, which needs `TOKEN_ASSIGN_PRIMARY`; `BAD_TOKEN_TYPE` for an impersonation token;
    /// `PRIVILEGE_NOT_HELD` without `SeAssignPrimaryTokenPrivilege` for a token that is not filtered from the primary
    /// token of the caller's process, nor, since Windows Vista, its sibling.
    pub fn nt_create_process_as_user(
        &self,
        caller: &Arc<Thread>,
        token: u64,
    ) -> Result<Arc<Process>, Status> {
        let (token, _) = token_by_handle(caller, token, rights::TOKEN_ASSIGN_PRIMARY)?;
        if token.token_type() != TokenType::Primary {
            return Err(Status::BAD_TOKEN_TYPE);
        }
        let own = caller.process().primary();
        let related = token.is_child_of(&own) || (!self.is_nt52() && token.is_sibling_of(&own));
        let privilege = privileges::ASSIGN_PRIMARY_TOKEN;
        if !related && !self.se_single_privilege_check(caller, privilege, AccessMode::User) {
            return Err(Status::PRIVILEGE_NOT_HELD);
        }
        Ok(self.create_process(token))
    }
}
