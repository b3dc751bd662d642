//! Access control lists in their parsed form.

use psimp_nt::Sid;

/// Allow or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AceKind {
    /// `ACCESS_ALLOWED_ACE`.
    Allow,
    /// `ACCESS_DENIED_ACE`.
    Deny,
}

/// An access control entry that is not inherit-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ace {
    /// Allow or deny.
    pub kind: AceKind,
    /// The rights it grants or denies; generic ones are mapped when it is
    /// evaluated.
    pub mask: u32,
    /// The SID to which it applies.
    pub sid: Sid,
}

impl Ace {
    /// An entry that allows.
    pub const fn allow(sid: Sid, mask: u32) -> Self {
        Self { kind: AceKind::Allow, mask, sid }
    }

    /// An entry that denies.
    pub const fn deny(sid: Sid, mask: u32) -> Self {
        Self { kind: AceKind::Deny, mask, sid }
    }
}

/// A DACL that is present. An empty one grants nothing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Acl(pub Vec<Ace>);

impl Acl {
    /// A DACL that grants everything to these SIDs.
    pub fn granting(sids: &[Sid]) -> Self {
        Self(sids.iter().map(|&sid| Ace { kind: AceKind::Allow, mask: u32::MAX, sid }).collect())
    }
}
