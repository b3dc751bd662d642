//! Queries of a token: what is asked, and how the answer is read.

use crate::information::{Group, Privilege};
use psimp_nt::{Sid, Status, TokenType};
use zerocopy::IntoBytes;

/// The queried classes of `NtQueryInformationToken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    User = 1,
    Groups = 2,
    Privileges = 3,
    Source = 7,
    ImpersonationLevel = 9,
    Statistics = 10,
    RestrictedSids = 11,
    SessionId = 12,
    SandboxInert = 15,
    Origin = 17,
    ElevationType = 18,
    LinkedToken = 19,
    Elevation = 20,
    HasRestrictions = 21,
    AccessInformation = 22,
    VirtualizationAllowed = 23,
    VirtualizationEnabled = 24,
    IntegrityLevel = 25,
    UiAccess = 26,
    IsAppContainer = 29,
    AppContainerSid = 31,
}

impl Class {
    /// The length of an answer that has one length only; that is the length to ask with, as the kernel
    /// may answer `STATUS_INFO_LENGTH_MISMATCH` to a longer buffer.
    pub(crate) const fn fixed_length(self) -> Option<usize> {
        match self {
            Self::User
            | Self::Groups
            | Self::Privileges
            | Self::RestrictedSids
            | Self::AccessInformation
            | Self::IntegrityLevel
            | Self::AppContainerSid => None,
            Self::Statistics => Some(56),
            Self::Source => Some(16),
            Self::Origin | Self::LinkedToken => Some(8),
            Self::ImpersonationLevel
            | Self::SessionId
            | Self::SandboxInert
            | Self::Elevation
            | Self::ElevationType
            | Self::HasRestrictions
            | Self::VirtualizationAllowed
            | Self::VirtualizationEnabled
            | Self::UiAccess
            | Self::IsAppContainer => Some(4),
        }
    }
}

/// Whether the status of a query means that the system does not have its class. Every other status is an error of the query.
pub(crate) fn is_unknown_class(status: Status) -> bool {
    const NOT_IMPLEMENTED: Status = Status(0xC000_0002);
    matches!(status, Status::INVALID_INFO_CLASS | NOT_IMPLEMENTED)
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

    /// The number of entries of a list.
    fn count(&self) -> Option<usize> {
        usize::try_from(self.u32(0)?).ok()
    }

    /// `TOKEN_GROUPS`; `None` unless all of it is there.
    pub(crate) fn groups(&self) -> Option<Vec<Group>> {
        (0..self.count()?).map(|index| self.group(8 + 16 * index)).collect()
    }

    /// `TOKEN_USER` and `TOKEN_MANDATORY_LABEL`.
    pub(crate) fn only(&self) -> Option<Sid> {
        self.sid(0)
    }

    /// `TOKEN_PRIVILEGES`; `None` unless all of it is there.
    pub(crate) fn privileges(&self) -> Option<Vec<Privilege>> {
        let privilege = |index| {
            let at = 4 + 12 * index;
            Some(Privilege { luid: self.u64(at)?, attributes: self.u32(at + 8)? })
        };
        (0..self.count()?).map(privilege).collect()
    }

    /// `TOKEN_STATISTICS`: token id, authentication id, type, and the level that a primary token records too.
    pub(crate) fn statistics(&self) -> Option<(u64, u64, TokenType, u32)> {
        let token_type = match self.u32(24)? {
            1 => TokenType::Primary,
            2 => TokenType::Impersonation,
            _ => return None,
        };
        Some((self.u64(0)?, self.u64(8)?, token_type, self.u32(28)?))
    }

    /// `TOKEN_ACCESS_INFORMATION`: whether the restricting SIDs count for write access alone
    /// (`TOKEN_WRITE_RESTRICTED` among its flags).
    pub(crate) fn write_restricted(&self) -> Option<bool> {
        self.u32(44).map(|flags| flags & 0x8 != 0)
    }

    /// The last sub-authority of a label's SID.
    pub(crate) fn integrity(&self) -> Option<u32> {
        let sid = self.only()?;
        sid.as_bytes().last_chunk().map(|last| u32::from_le_bytes(*last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of these numbers.
    fn answer(numbers: &[u32]) -> Answer {
        let words = numbers.chunks(2).map(|pair| {
            let high = pair.get(1).copied().unwrap_or(0);
            u64::from(pair[0]) | u64::from(high) << 32
        });
        Answer { words: words.collect(), length: 4 * numbers.len() }
    }

    #[test]
    fn classes_of_one_length_are_asked_with_it() {
        for (class, length) in [
            (Class::ImpersonationLevel, Some(4)),
            (Class::SessionId, Some(4)),
            (Class::Elevation, Some(4)),
            (Class::ElevationType, Some(4)),
            (Class::AccessInformation, None),
            (Class::AppContainerSid, None),
            (Class::Origin, Some(8)),
            (Class::Statistics, Some(56)),
            (Class::User, None),
            (Class::Groups, None),
            (Class::RestrictedSids, None),
            (Class::IntegrityLevel, None),
        ] {
            assert_eq!(class.fixed_length(), length, "{class:?}");
        }
    }

    #[test]
    fn a_list_that_is_cut_off_is_no_shorter_list() {
        let whole = answer(&[1, 29, 0, 2]);
        assert_eq!(whole.privileges(), Some(vec![Privilege { luid: 29, attributes: 2 }]));
        assert_eq!(answer(&[2, 29, 0, 2]).privileges(), None);
        assert_eq!(answer(&[]).privileges(), None);
        assert_eq!(answer(&[1]).groups(), None);
        assert_eq!(answer(&[0, 0]).groups(), Some(vec![]));
    }

    #[test]
    fn the_flags_of_an_access_token_are_read_where_they_are() {
        let mut numbers = [0; 12];
        assert_eq!(answer(&numbers).write_restricted(), Some(false));
        numbers[11] = 0x18;
        assert_eq!(answer(&numbers).write_restricted(), Some(true));
        assert_eq!(answer(&numbers[..11]).write_restricted(), None);
    }

    #[test]
    fn only_an_unknown_class_is_no_error() {
        assert!(is_unknown_class(Status::INVALID_INFO_CLASS));
        assert!(is_unknown_class(Status(0xC000_0002)), "STATUS_NOT_IMPLEMENTED");
        for status in [Status::ACCESS_DENIED, Status::INVALID_HANDLE, Status::INFO_LENGTH_MISMATCH] {
            assert!(!is_unknown_class(status), "{status}");
        }
    }
}
