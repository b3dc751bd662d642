//! Querying, duplicating, adjusting and filtering tokens through handles.

use crate::access::{AccessMode, AccessRequest, GenericMapping};
use crate::object::token_by_handle;
use crate::rights;
use crate::status::NOT_ALL_ASSIGNED;
use crate::{
    Acl, Group, Object, Privilege, SecurityQos, System, Thread, TokenFilter, TokenSource, privileges,
};
use psimp_nt::{Level, Luid, Sid, Status, TokenType};
use psimp_rules::Restriction;
use std::sync::Arc;

/// The result of queries on a token handle.
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
    /// Those of them, or the user, that count in deny entries only.
    pub deny_only: Vec<Sid>,
    /// `TokenPrivileges`.
    pub privileges: Vec<Privilege>,
    /// `TokenRestrictedSids`.
    pub restricting: Vec<Sid>,
    /// `TokenIntegrityLevel`, since Windows Vista.
    pub integrity: u32,
    /// `TokenSessionId`.
    pub session: u32,
    /// `TokenElevation`, since Windows Vista.
    pub elevated: bool,
    /// `TokenOrigin`.
    pub origin: Luid,
    /// The restricting SIDs count for write access alone (`TokenAccessInformation`).
    pub write_restricted: bool,
    /// The level recorded in the object, of a primary token too (`TokenStatistics`).
    pub recorded_level: Level,
    /// `TokenSource`, for a handle with `TOKEN_QUERY_SOURCE`.
    pub source: Result<TokenSource, Status>,
    /// `ModifiedId` (`TokenStatistics`).
    pub modified_id: Luid,
}

impl System {
    /// `NtQueryInformationToken`, several classes at once.
    ///
    /// # Errors
    /// Those of the handle; it needs `TOKEN_QUERY`.
    pub fn nt_query_token(&self, caller: &Arc<Thread>, token: u64) -> Result<TokenInformation, Status> {
        let (token, granted) = token_by_handle(caller, token, rights::TOKEN_QUERY)?;
        let may_query_source = granted & rights::TOKEN_QUERY_SOURCE != 0;
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
            deny_only: token.deny_only(),
            privileges: token.privileges(),
            restricting: token.restricting().to_vec(),
            integrity: token.integrity(),
            session: token.session_id(),
            elevated: token.is_elevated(),
            origin: token.origin(),
            write_restricted: token.restriction() == Restriction::WriteRestricted,
            recorded_level: token.level(),
            source: if may_query_source { Ok(token.source()) } else { Err(Status::ACCESS_DENIED) },
            modified_id: token.modified_id(),
        })
    }

    /// `NtSetInformationToken(TokenIntegrityLevel)`: the level as the last sub-authority of its SID.
    ///
    /// # Errors
    /// `INVALID_INFO_CLASS` on NT 5.2; those of the handle, which needs `TOKEN_ADJUST_DEFAULT`; `PRIVILEGE_NOT_HELD`
    /// for raising it without `SeTcbPrivilege`.
    pub fn nt_set_token_integrity(&self, caller: &Arc<Thread>, token: u64, level: u32) -> Result<(), Status> {
        if self.is_nt52() {
            return Err(Status::INVALID_INFO_CLASS);
        }
        let (token, _) = token_by_handle(caller, token, rights::TOKEN_ADJUST_DEFAULT)?;
        let raises = level > token.integrity();
        if raises && !self.se_single_privilege_check(caller, privileges::TCB, AccessMode::User) {
            return Err(Status::PRIVILEGE_NOT_HELD);
        }
        token.set_integrity(level);
        Ok(())
    }

    /// `NtSetInformationToken(TokenDefaultDacl)`.
    ///
    /// # Errors
    /// Those of the handle, which needs `TOKEN_ADJUST_DEFAULT`.
    pub fn nt_set_token_default_dacl(
        &self,
        caller: &Arc<Thread>,
        token: u64,
        acl: Acl,
    ) -> Result<(), Status> {
        let (token, _) = token_by_handle(caller, token, rights::TOKEN_ADJUST_DEFAULT)?;
        token.set_default_dacl(acl);
        Ok(())
    }

    /// `NtDuplicateToken`: a handle for a copy. Without a quality of service the
    /// copy records level 0. Access 0 means that of the handle given.
    ///
    /// # Errors
    /// `INVALID_PARAMETER` for a level above 3; those of the handle, which needs
    /// `TOKEN_DUPLICATE`; then those of [`System::duplicate_token_checked`].
    pub fn nt_duplicate_token(
        &self,
        caller: &Arc<Thread>,
        token: u64,
        desired: u32,
        token_type: TokenType,
        qos: Option<&SecurityQos>,
        effective_only: bool,
    ) -> Result<u64, Status> {
        let level = qos.map_or(Some(Level::Anonymous), |qos| Level::from_raw(qos.level));
        let level = level.ok_or(Status::INVALID_PARAMETER)?;
        let (token, granted) = token_by_handle(caller, token, rights::TOKEN_DUPLICATE)?;
        let copy = self.duplicate_token_checked(caller, &token, token_type, level, effective_only)?;
        let granted = if desired == 0 {
            granted
        } else {
            AccessRequest::user(desired, GenericMapping::TOKEN).granted_unchecked()
        };
        Ok(caller.with_current_process(|p| p.handles().insert(Object::Token(copy), granted)))
    }

    /// `NtFilterToken`: a handle, with the access of the one given, for a token
    /// that can do less. The new token gets the default DACL of the thread's effective token.
    ///
    /// # Errors
    /// Those of the handle, which needs `TOKEN_DUPLICATE`, and of
    /// [`System::se_filter_token`].
    pub fn nt_filter_token(
        &self,
        caller: &Arc<Thread>,
        token: u64,
        filter: &TokenFilter,
    ) -> Result<u64, Status> {
        let (token, granted) = token_by_handle(caller, token, rights::TOKEN_DUPLICATE)?;
        let (effective, ..) = self.ps_reference_effective_token(caller);
        let filtered = self.filter_token_for(&token, filter, Some(effective.default_dacl()))?;
        Ok(caller.with_current_process(|p| p.handles().insert(Object::Token(filtered), granted)))
    }

    /// `NtAdjustPrivilegesToken`: enables and disables privileges of the token
    /// object, visible through all its references. Returns `SUCCESS`, or the
    /// success `NOT_ALL_ASSIGNED` when the token lacks one of them.
    ///
    /// # Errors
    /// Those of the handle; it needs `TOKEN_ADJUST_PRIVILEGES`.
    pub fn nt_adjust_privileges_token(
        &self,
        caller: &Arc<Thread>,
        token: u64,
        changes: &[Privilege],
    ) -> Result<Status, Status> {
        let (token, _) = token_by_handle(caller, token, rights::TOKEN_ADJUST_PRIVILEGES)?;
        let mut all = true;
        for change in changes {
            all &= token.adjust_privilege(change.luid, change.enabled);
        }
        Ok(if all { Status::SUCCESS } else { NOT_ALL_ASSIGNED })
    }

    /// `NtClose`.
    ///
    /// # Errors
    /// `INVALID_HANDLE`.
    pub fn nt_close(&self, caller: &Thread, handle: u64) -> Result<(), Status> {
        let closed = caller.with_current_process(|p| p.handles().remove(handle));
        closed.map(drop).ok_or(Status::INVALID_HANDLE)
    }
}
