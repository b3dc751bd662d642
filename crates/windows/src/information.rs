//! The properties of a token, as Windows tells them.

use psimp_nt::{Level, Sid, Status, TokenType};

/// The properties of a token. Those that this system does not report are `None`
/// or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Information {
    /// `TokenId`: identifies the token object.
    pub token_id: u64,
    /// Its logon session.
    pub authentication_id: u64,
    /// Primary or impersonation.
    pub token_type: TokenType,
    /// `TokenImpersonationLevel`, which primary tokens do not have.
    pub level: Result<Level, Status>,
    /// The level recorded in the token object, which a primary token has too.
    pub recorded_level: u32,
    /// Its user.
    pub user: Sid,
    /// Its groups, disabled ones too.
    pub groups: Vec<Group>,
    /// Its privileges, disabled ones too.
    pub privileges: Vec<Privilege>,
    /// Its restricting SIDs.
    pub restricting: Vec<Sid>,
    /// Its restricting SIDs count for write access alone.
    pub write_restricted: Option<bool>,
    /// The last sub-authority of its integrity level.
    pub integrity: Option<u32>,
    /// Its terminal services session.
    pub session: Option<u32>,
    /// UAC: elevated.
    pub elevated: Option<bool>,
    /// UAC: `TOKEN_ELEVATION_TYPE`; 3 is the filtered one of two tokens.
    pub elevation_type: Option<u32>,
    /// The logon session that it was logged on from; 0 where none is known.
    pub origin: Option<u64>,
    /// It is of an `AppContainer`.
    pub app_container: Option<bool>,
    /// The package of its `AppContainer`.
    pub package: Option<Sid>,
}

/// Where a token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its terminal services session.
    pub session: Option<u32>,
    /// Name and identifier of what made it.
    pub source: Option<(u64, u64)>,
    /// Its logon session.
    pub authentication_id: u64,
    /// The logon session that it was logged on from.
    pub origin: Option<u64>,
    /// Changes when the token is changed.
    pub modified_id: u64,
}

/// A group of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which one.
    pub sid: Sid,
    /// `SE_GROUP_…`.
    pub attributes: u32,
}

/// A privilege of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privilege {
    /// Which one.
    pub luid: u64,
    /// `SE_PRIVILEGE_…`.
    pub attributes: u32,
}

impl Group {
    /// Whether it is enabled for access checks.
    pub const fn enabled(&self) -> bool {
        self.attributes & 0x4 != 0
    }

    /// Whether it applies to deny entries only.
    pub const fn deny_only(&self) -> bool {
        self.attributes & 0x10 != 0
    }
}

impl Privilege {
    /// Whether it is enabled.
    pub const fn enabled(&self) -> bool {
        self.attributes & 0x2 != 0
    }
}

impl Information {
    /// Whether a privilege is held and enabled.
    pub fn holds(&self, luid: u64) -> bool {
        self.privileges.iter().any(|privilege| privilege.luid == luid && privilege.enabled())
    }
}
