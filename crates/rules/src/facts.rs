//! What the rules read of a token.

use crate::Sid;

/// `SECURITY_IMPERSONATION_LEVEL`: how far a server may act as its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// The server may not even identify the client.
    Anonymous = 0,
    /// The server may read who the client is, but opens nothing as the client.
    Identification = 1,
    /// The server acts as the client on this machine.
    Impersonation = 2,
    /// The server acts as the client also towards other machines.
    Delegation = 3,
}

impl Level {
    /// All levels, weakest first.
    pub const ALL: [Self; 4] = [Self::Anonymous, Self::Identification, Self::Impersonation, Self::Delegation];

    /// The level a caller asked for. The comparison is unsigned: kernels that
    /// compare signed let −1 pass as "below Impersonation" and store Delegation.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            0 => Some(Self::Anonymous),
            1 => Some(Self::Identification),
            2 => Some(Self::Impersonation),
            3 => Some(Self::Delegation),
            _ => None,
        }
    }

    /// The field's own word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "Anonymous",
            Self::Identification => "Identification",
            Self::Impersonation => "Impersonation",
            Self::Delegation => "Delegation",
        }
    }
}

/// `TOKEN_TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TokenType {
    /// The token of a process.
    Primary = 1,
    /// A token made for a thread.
    Impersonation = 2,
}

/// A locally unique identifier, high part above low part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Luid(pub u64);

impl Luid {
    /// `ANONYMOUS_LOGON_LUID`: the logon session of the anonymous token.
    pub const ANONYMOUS_LOGON: Self = Self(0x3E6);
    /// `SYSTEM_LUID`.
    pub const SYSTEM: Self = Self(0x3E7);
}

/// Whether a token has restricting SIDs, and of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Restriction {
    /// No restricting SIDs: `SeTokenIsRestricted` is FALSE.
    None,
    /// Restricting SIDs apply to every access.
    Restricted,
    /// Restricting SIDs apply to write access only.
    WriteRestricted,
}

impl Restriction {
    /// What `SeTokenIsRestricted` says: any restricting SIDs at all.
    pub const fn is_restricted(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// An `AppContainer` package, or a child of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Package {
    /// Identifies the package (on Windows: its SID).
    pub id: u32,
    /// The package that this one is a child container of.
    pub parent: Option<u32>,
}

impl Package {
    /// The same package, or one the other's child.
    pub fn is_related(&self, other: &Self) -> bool {
        self.id == other.id || self.parent == Some(other.id) || other.parent == Some(self.id)
    }
}

/// Mandatory integrity levels, as the RID of S-1-16-x.
pub mod integrity {
    /// Untrusted.
    pub const UNTRUSTED: u32 = 0x0000;
    /// Low.
    pub const LOW: u32 = 0x1000;
    /// Medium.
    pub const MEDIUM: u32 = 0x2000;
    /// High.
    pub const HIGH: u32 = 0x3000;
    /// System.
    pub const SYSTEM: u32 = 0x4000;
}

/// What every profile reads of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// The user SID (`TokenUser`).
    pub user: Sid,
    /// The logon session (`SeQueryAuthenticationIdToken`).
    pub authentication_id: Luid,
    /// Primary or impersonation (`SeTokenType`).
    pub token_type: TokenType,
    /// The level recorded in the token. A primary token records one too, at
    /// which only NT 5.2 looks.
    pub level: Level,
    /// Restricting SIDs.
    pub restriction: Restriction,
    /// What only kernels' own profiles read. Whoever decides by [`crate::DOC`]
    /// alone may leave the default.
    pub platform: PlatformFacts,
}

/// Facts that the documentation's rule does not mention but kernels read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformFacts {
    /// `OriginatingLogonSession` (`TokenOrigin`): who logged the user on.
    pub origin: Luid,
    /// `SeImpersonatePrivilege` is present **and enabled**.
    pub impersonate_privilege: bool,
    /// Integrity level, one of [`integrity`] or between them.
    pub integrity: u32,
    /// UAC: the token is elevated.
    pub elevated: bool,
    /// UAC: the logon session is the filtered one of a linked pair.
    pub filtered_logon: bool,
    /// The `LowBox` package, for an `AppContainer` token.
    pub package: Option<Package>,
    /// Terminal services session.
    pub session: u32,
}

impl Default for PlatformFacts {
    fn default() -> Self {
        Self {
            origin: Luid::SYSTEM,
            impersonate_privilege: false,
            integrity: integrity::MEDIUM,
            elevated: false,
            filtered_logon: false,
            package: None,
            session: 1,
        }
    }
}
