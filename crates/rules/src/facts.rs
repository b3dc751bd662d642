//! The token properties that the rules read.

use psimp_nt::{Level, Luid, Sid, TokenType, integrity};

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
    /// What `SeTokenIsRestricted` returns: any restricting SIDs at all.
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
    /// The same package, or one is the other's child.
    pub fn is_related(&self, other: &Self) -> bool {
        self.id == other.id || self.parent == Some(other.id) || other.parent == Some(self.id)
    }
}

/// The properties that every profile reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// The user SID (`TokenUser`).
    pub user: Sid,
    /// The logon session (`SeQueryAuthenticationIdToken`).
    pub authentication_id: Luid,
    /// Primary or impersonation (`SeTokenType`).
    pub token_type: TokenType,
    /// The level recorded in the token. A primary token records one too, which
    /// only NT 5.2 reads.
    pub level: Level,
    /// Restricting SIDs.
    pub restriction: Restriction,
    /// The properties that only the profiles of kernels read. A caller that
    /// uses [`crate::DOC`] alone may leave the default.
    pub platform: PlatformFacts,
}

/// Facts that the documentation's rule does not mention but kernels read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformFacts {
    /// `OriginatingLogonSession` (`TokenOrigin`): who logged the user on.
    pub origin: Luid,
    /// `SeImpersonatePrivilege` is present **and enabled**.
    pub impersonate_privilege: bool,
    /// Integrity level, one of [`integrity`] or a value in between.
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
