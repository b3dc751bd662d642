//! Claims turned into values in range.

use crate::PROTOCOL_VERSION;
use crate::wire::{self, MAX_DESCRIPTOR, impersonate_flags, rules_flags};
use psimp_nt::{Level, Status};

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

/// Who decides what an IMPERSONATE, a RESTORE or a SERVE stores.
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
            rules: rules(claim.flags),
        })
    }
}

fn rules(flags: u32) -> RulesMode {
    if flags & rules_flags::KERNEL_RULES == 0 { RulesMode::Documented } else { RulesMode::Kernel }
}

/// A validated QUERY, SAVE or END.
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

/// Names a save of a file object. Still a claim: whether there is such a save,
/// the table of the file object knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaveId(pub u64);

/// A validated RESTORE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreRequest {
    /// The thread to restore.
    pub thread: ThreadTarget,
    /// What to restore.
    pub save: SaveId,
    /// Who decides.
    pub rules: RulesMode,
}

impl TryFrom<wire::Restore> for RestoreRequest {
    type Error = Status;

    fn try_from(claim: wire::Restore) -> Result<Self, Status> {
        if claim.version != PROTOCOL_VERSION || claim.flags & !rules_flags::ALL != 0 {
            return Err(Status::INVALID_PARAMETER);
        }
        let rules = rules(claim.flags);
        Ok(Self { thread: claim.thread.into(), save: SaveId(claim.save), rules })
    }
}

impl TryFrom<wire::Discard> for SaveId {
    type Error = Status;

    fn try_from(claim: wire::Discard) -> Result<Self, Status> {
        if claim.version != PROTOCOL_VERSION || claim.reserved != 0 {
            return Err(Status::INVALID_PARAMETER);
        }
        Ok(Self(claim.save))
    }
}

/// Names a connection. Still a claim: whether there is such a connection, and whose it is, the
/// driver knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// A validated `NEXT_CLIENT`: the connection after which to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextClientRequest {
    /// Which one that is.
    pub after: ConnectionId,
}

impl TryFrom<wire::NextClient> for NextClientRequest {
    type Error = Status;

    fn try_from(claim: wire::NextClient) -> Result<Self, Status> {
        if claim.version != PROTOCOL_VERSION || claim.reserved != 0 {
            return Err(Status::INVALID_PARAMETER);
        }
        Ok(Self { after: ConnectionId(claim.after) })
    }
}

/// A validated SERVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeRequest {
    /// The client to impersonate.
    pub connection: ConnectionId,
    /// Level asked for.
    pub level: Level,
    /// Who decides.
    pub rules: RulesMode,
}

impl TryFrom<wire::Serve> for ServeRequest {
    type Error = Status;

    fn try_from(claim: wire::Serve) -> Result<Self, Status> {
        let level = Level::from_raw(claim.level).ok_or(Status::INVALID_PARAMETER)?;
        if claim.version != PROTOCOL_VERSION || claim.reserved != 0 || claim.flags & !rules_flags::ALL != 0 {
            return Err(Status::INVALID_PARAMETER);
        }
        let rules = rules(claim.flags);
        Ok(Self { connection: ConnectionId(claim.connection), level, rules })
    }
}

/// A validated head of an access check. The descriptor's bytes are still a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessCheckRequest {
    /// Access asked for.
    pub desired: u32,
}

impl AccessCheckRequest {
    /// Checks the head against the number of bytes that follow it.
    ///
    /// # Errors
    /// `INFO_LENGTH_MISMATCH` when the head tells another length than follows,
    /// `INVALID_PARAMETER` for what else is out of range.
    pub fn new(claim: &wire::AccessCheck, follows: usize) -> Result<Self, Status> {
        if usize::try_from(claim.length) != Ok(follows) {
            return Err(Status::INFO_LENGTH_MISMATCH);
        }
        if claim.version != PROTOCOL_VERSION || claim.reserved != 0 || follows > MAX_DESCRIPTOR {
            return Err(Status::INVALID_PARAMETER);
        }
        Ok(Self { desired: claim.desired })
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
    fn fields_out_of_range_are_refused() {
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
        for claim in [
            wire::NextClient { version: 2, reserved: 0, after: 0 },
            wire::NextClient { version: 1, reserved: 1, after: 0 },
        ] {
            assert_eq!(NextClientRequest::try_from(claim), Err(Status::INVALID_PARAMETER), "{claim:?}");
        }
        let serve = wire::Serve { version: 1, level: 2, connection: 3, flags: 4, reserved: 0 };
        let request = ServeRequest {
            connection: ConnectionId(3),
            level: Level::Impersonation,
            rules: RulesMode::Kernel,
        };
        assert_eq!(ServeRequest::try_from(serve), Ok(request));
        for claim in [
            wire::Serve { version: 0, ..serve },
            wire::Serve { level: 4, ..serve },
            wire::Serve { level: 0xFFFF_FFFF, ..serve },
            wire::Serve { flags: 1, ..serve },
            wire::Serve { flags: 2, ..serve },
            wire::Serve { flags: 8, ..serve },
            wire::Serve { reserved: 1, ..serve },
        ] {
            assert_eq!(ServeRequest::try_from(claim), Err(Status::INVALID_PARAMETER), "{claim:?}");
        }
    }
}
