//! `NtAccessCheck`: a check for a token that the caller names.

use super::check::{AccessRequest, check_token};
use super::mapping::GenericMapping;
use crate::object::token_by_handle;
use crate::rights;
use crate::status::GENERIC_NOT_MAPPED;
use crate::{SecurityDescriptor, System, Thread};
use psimp_nt::{Level, Status, TokenType};
use std::sync::Arc;

/// The result of a check that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessChecked {
    /// Access granted; 0 when it was not.
    pub granted: u32,
    /// `AccessStatus`.
    pub status: Status,
}

impl From<Result<u32, Status>> for AccessChecked {
    fn from(result: Result<u32, Status>) -> Self {
        match result {
            Ok(granted) => Self { granted, status: Status::SUCCESS },
            Err(status) => Self { granted: 0, status },
        }
    }
}

impl System {
    /// `NtAccessCheck` with a self-relative descriptor. The thread's own
    /// impersonation does not matter, and an Identification token is accepted:
    /// the call only reports the access and opens nothing.
    ///
    /// # Errors
    /// In this order: `GENERIC_NOT_MAPPED` for generic rights in `desired`, those
    /// of the handle (it needs `TOKEN_QUERY`), `NO_IMPERSONATION_TOKEN` for a
    /// primary token, `BAD_IMPERSONATION_LEVEL` below Identification, and those
    /// of the descriptor, which needs an owner and a group.
    pub fn nt_access_check(
        &self,
        caller: &Arc<Thread>,
        descriptor: &[u8],
        token: u64,
        desired: u32,
        mapping: &GenericMapping,
    ) -> Result<AccessChecked, Status> {
        if desired & GenericMapping::GENERIC != 0 {
            return Err(GENERIC_NOT_MAPPED);
        }
        let (token, _) = token_by_handle(caller, token, rights::TOKEN_QUERY)?;
        if token.token_type() != TokenType::Impersonation {
            return Err(Status::NO_IMPERSONATION_TOKEN);
        }
        if token.level() < Level::Identification {
            return Err(Status::BAD_IMPERSONATION_LEVEL);
        }
        let descriptor = SecurityDescriptor::parse_owned(descriptor)?;
        Ok(check_token(&token, &descriptor, &AccessRequest::user(desired, *mapping)).into())
    }
}
