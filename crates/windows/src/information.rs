//! The properties of a token.

use psimp_nt::{Level, Sid, Status, TokenType};
use zerocopy::IntoBytes;

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
    /// Its user.
    pub user: Sid,
    /// Its groups, disabled ones too.
    pub groups: Vec<Group>,
    /// Its privileges, disabled ones too.
    pub privileges: Vec<Privilege>,
    /// Its restricting SIDs.
    pub restricting: Vec<Sid>,
    /// The last sub-authority of its integrity level.
    pub integrity: Option<u32>,
    /// Its terminal services session.
    pub session: Option<u32>,
    /// UAC: elevated.
    pub elevated: Option<bool>,
    /// The logon session that it was logged on from; 0 where none is known.
    pub origin: Option<u64>,
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

/// The queried classes of `NtQueryInformationToken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    User = 1,
    Groups = 2,
    Privileges = 3,
    ImpersonationLevel = 9,
    Statistics = 10,
    RestrictedSids = 11,
    SessionId = 12,
    SandboxInert = 15,
    Origin = 17,
    Elevation = 20,
    HasRestrictions = 21,
    VirtualizationAllowed = 23,
    VirtualizationEnabled = 24,
    IntegrityLevel = 25,
    UiAccess = 26,
    IsAppContainer = 29,
}

/// The result of a query, aligned for its structure. Its pointers point into
/// itself.
pub(crate) struct Answer {
    pub(crate) words: Vec<u64>,
    pub(crate) length: usize,
}

impl Answer {
    fn bytes(&self) -> &[u8] {
        self.words.as_bytes().get(..self.length).unwrap_or_default()
    }

    pub(crate) fn u32(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.bytes().get(at..)?.first_chunk()?))
    }

    pub(crate) fn u64(&self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.bytes().get(at..)?.first_chunk()?))
    }

    /// The SID that a pointer at this place points to.
    fn sid(&self, at: usize) -> Option<Sid> {
        let pointer = usize::try_from(self.u64(at)?).ok()?;
        let offset = pointer.checked_sub(self.words.as_ptr().addr())?;
        Sid::parse(self.bytes().get(offset..)?).ok()
    }

    /// `SID_AND_ATTRIBUTES` at a place.
    fn group(&self, at: usize) -> Option<Group> {
        Some(Group { sid: self.sid(at)?, attributes: self.u32(at + 8)? })
    }

    /// `TOKEN_GROUPS`.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let count = self.u32(0).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        (0..count).map_while(|index| self.group(8 + 16 * index)).collect()
    }

    /// `TOKEN_USER` and `TOKEN_MANDATORY_LABEL`.
    pub(crate) fn only(&self) -> Option<Sid> {
        self.sid(0)
    }

    /// `TOKEN_PRIVILEGES`.
    pub(crate) fn privileges(&self) -> Vec<Privilege> {
        let count = self.u32(0).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        let privilege = |index| {
            let at = 4 + 12 * index;
            Some(Privilege { luid: self.u64(at)?, attributes: self.u32(at + 8)? })
        };
        (0..count).map_while(privilege).collect()
    }

    /// `TOKEN_STATISTICS`: token id, authentication id, type.
    pub(crate) fn statistics(&self) -> Option<(u64, u64, TokenType)> {
        let token_type = match self.u32(24)? {
            1 => TokenType::Primary,
            2 => TokenType::Impersonation,
            _ => return None,
        };
        Some((self.u64(0)?, self.u64(8)?, token_type))
    }

    /// The last sub-authority of a label's SID.
    pub(crate) fn integrity(&self) -> Option<u32> {
        let sid = self.only()?;
        sid.as_bytes().last_chunk().map(|last| u32::from_le_bytes(*last))
    }
}
