//! Security descriptors.

mod acl;
mod build;
mod parse;

pub use acl::{Ace, AceKind, Acl};
pub use parse::InvalidDescriptor;

use psimp_nt::{Sid, integrity};

/// The parts of a security descriptor that access checks read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SecurityDescriptor {
    /// Owner: can always read and change the DACL.
    pub owner: Option<Sid>,
    /// Primary group: not used.
    pub group: Option<Sid>,
    /// The DACL; without one, or with a NULL one, everyone has every access.
    pub dacl: Option<Acl>,
    /// The mandatory label of the SACL; without one the default applies.
    pub label: Option<MandatoryLabel>,
    /// Type of the first entry of the DACL that a kernel would apply and the
    /// model cannot: a compound, object or callback entry. A check that would
    /// have to read it returns `NOT_SUPPORTED`.
    pub unevaluated: Option<u8>,
}

impl SecurityDescriptor {
    /// A descriptor with `owner` as owner and group, with this DACL and no
    /// label.
    pub fn new(owner: Sid, dacl: Option<Acl>) -> Self {
        Self { owner: Some(owner), group: Some(owner), dacl, label: None, unevaluated: None }
    }
}

/// A mandatory integrity label: the accesses refused to tokens of lower
/// integrity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MandatoryLabel {
    /// Integrity of the object, as the RID of S-1-16-x.
    pub integrity: u32,
    /// `SYSTEM_MANDATORY_LABEL_NO_WRITE_UP`.
    pub no_write_up: bool,
    /// `SYSTEM_MANDATORY_LABEL_NO_READ_UP`.
    pub no_read_up: bool,
    /// `SYSTEM_MANDATORY_LABEL_NO_EXECUTE_UP`.
    pub no_execute_up: bool,
}

impl Default for MandatoryLabel {
    /// The label of an object that has none: Medium, no write-up.
    fn default() -> Self {
        Self { integrity: integrity::MEDIUM, no_write_up: true, no_read_up: false, no_execute_up: false }
    }
}
