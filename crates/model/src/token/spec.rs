//! The properties of a new token.

use crate::Acl;
use psimp_nt::{Level, Luid, Sid, TokenType};
use psimp_rules::PlatformFacts;

/// A group of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The SID of the group.
    pub sid: Sid,
    /// `SE_GROUP_ENABLED`.
    pub enabled: bool,
}

/// A privilege of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privilege {
    /// One of [`crate::privileges`].
    pub luid: u32,
    /// `SE_PRIVILEGE_ENABLED`.
    pub enabled: bool,
}

/// The properties of a new token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSpec {
    /// `TokenUser`.
    pub user: Sid,
    /// Logon session; it is created with its first token.
    pub authentication_id: Luid,
    /// Type.
    pub token_type: TokenType,
    /// Recorded level, on a primary token too.
    pub level: Level,
    /// Groups.
    pub groups: Vec<Group>,
    /// Privileges.
    pub privileges: Vec<Privilege>,
    /// Restricting SIDs; their presence makes the token restricted.
    pub restricting: Vec<Sid>,
    /// The restricting SIDs apply to write access only.
    pub write_restricted: bool,
    /// The rest. `impersonate_privilege` is taken from `privileges` instead.
    pub platform: PlatformFacts,
    /// The DACL of the token; `None` grants everyone access.
    pub acl: Option<Acl>,
}

impl TokenSpec {
    /// A token of a user, of this logon session, without groups, privileges and restrictions, that
    /// everyone may open.
    pub fn new(user: Sid, authentication_id: Luid, token_type: TokenType, level: Level) -> Self {
        Self {
            user,
            authentication_id,
            token_type,
            level,
            groups: Vec::new(),
            privileges: Vec::new(),
            restricting: Vec::new(),
            write_restricted: false,
            platform: PlatformFacts::default(),
            acl: None,
        }
    }
}

/// Properties that few callers set.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TokenDetails {
    /// `TokenSource`.
    pub source: TokenSource,
    /// Members of `groups`, or the user, that count in deny entries only
    /// (`SE_GROUP_USE_FOR_DENY_ONLY`).
    pub deny_only: Vec<Sid>,
    /// `TokenDefaultDacl`, which copies and filtered tokens keep. Without one it is that of a logon: all access for
    /// the user, the system, and each restricting SID.
    pub default_dacl: Option<Acl>,
}

/// `TOKEN_SOURCE`: who made the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenSource {
    /// Its name, padded with zeros.
    pub name: [u8; 8],
    /// Its own identifier.
    pub identifier: Luid,
}

impl Default for TokenSource {
    /// The model itself.
    fn default() -> Self {
        Self { name: *b"Model\0\0\0", identifier: Luid(0) }
    }
}
