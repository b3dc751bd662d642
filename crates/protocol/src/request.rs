//! Claims turned into values in range.

use crate::wire::{self, impersonate_flags};
use crate::{PROTOCOL_VERSION, Status};
use psimp_rules::Level;

/// Which thread a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadTarget {
    /// The thread that sent the request.
    Calling,
    /// The thread behind this handle of the caller's process.
    Handle(u64),
}

impl From<u64> for ThreadTarget {
    fn from(handle: u64) -> Self {
        if handle == 0 { Self::Calling } else { Self::Handle(handle) }
    }
}

/// Who decides what an IMPERSONATE stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulesMode {
    /// The documented rule in the driver, then the kernel.
    Documented,
    /// The kernel alone; the driver only refuses to raise a level.
    Kernel,
}

/// A validated IMPERSONATE. The handles are still only numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImpersonateRequest {
    /// The thread that shall impersonate.
    pub thread: ThreadTarget,
    /// Handle of the token to impersonate.
    pub token: u64,
    /// Level asked for.
    pub level: Level,
    /// An open of the thread's token gets a copy.
    pub copy_on_open: bool,
    /// Disabled groups and privileges cannot be enabled.
    pub effective_only: bool,
    /// Who decides.
    pub rules: RulesMode,
}

impl TryFrom<wire::Impersonate> for ImpersonateRequest {
    type Error = Status;

    fn try_from(claim: wire::Impersonate) -> Result<Self, Status> {
        let level = Level::from_raw(claim.level).ok_or(Status::INVALID_PARAMETER)?;
        if claim.version != PROTOCOL_VERSION
            || claim.reserved != 0
            || claim.flags & !impersonate_flags::ALL != 0
        {
            return Err(Status::INVALID_PARAMETER);
        }
        let flag = |bit| claim.flags & bit != 0;
        Ok(Self {
            thread: claim.thread.into(),
            token: claim.token,
            level,
            copy_on_open: flag(impersonate_flags::COPY_ON_OPEN),
            effective_only: flag(impersonate_flags::EFFECTIVE_ONLY),
            rules: if flag(impersonate_flags::KERNEL_RULES) {
                RulesMode::Kernel
            } else {
                RulesMode::Documented
            },
        })
    }
}

/// A validated QUERY or END.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The thread it is about.
    pub thread: ThreadTarget,
}

impl TryFrom<wire::Thread> for Target {
    type Error = Status;

    fn try_from(claim: wire::Thread) -> Result<Self, Status> {
        if claim.version != PROTOCOL_VERSION || claim.reserved != 0 {
            return Err(Status::INVALID_PARAMETER);
        }
        Ok(Self { thread: claim.thread.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: wire::Impersonate =
        wire::Impersonate { version: 1, level: 2, thread: 0, token: 8, flags: 0, reserved: 0 };

    #[test]
    fn a_valid_claim_becomes_a_request() {
        let request = ImpersonateRequest::try_from(wire::Impersonate { flags: 7, thread: 4, ..VALID });
        let expected = ImpersonateRequest {
            thread: ThreadTarget::Handle(4),
            token: 8,
            level: Level::Impersonation,
            copy_on_open: true,
            effective_only: true,
            rules: RulesMode::Kernel,
        };
        assert_eq!(request, Ok(expected));
    }

    #[test]
    fn every_field_out_of_range_is_refused() {
        let broken = [
            wire::Impersonate { version: 0, ..VALID },
            wire::Impersonate { version: 2, ..VALID },
            wire::Impersonate { level: 4, ..VALID },
            wire::Impersonate { level: 0x8000_0000, ..VALID },
            wire::Impersonate { level: 0xFFFF_FFFF, ..VALID },
            wire::Impersonate { flags: 8, ..VALID },
            wire::Impersonate { flags: 0x8000_0000, ..VALID },
            wire::Impersonate { reserved: 1, ..VALID },
        ];
        for claim in broken {
            assert_eq!(ImpersonateRequest::try_from(claim), Err(Status::INVALID_PARAMETER), "{claim:?}");
        }
        for claim in [
            wire::Thread { version: 2, reserved: 0, thread: 0 },
            wire::Thread { version: 1, reserved: 1, thread: 0 },
        ] {
            assert_eq!(Target::try_from(claim), Err(Status::INVALID_PARAMETER), "{claim:?}");
        }
    }
}
