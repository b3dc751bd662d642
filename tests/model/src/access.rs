//! Access checks over a discretionary ACL.
//!
//! Modelled: order of entries, allow and deny, user and enabled groups,
//! restricting SIDs, and the refusal below Impersonation level. Not modelled:
//! owner rights, integrity labels, and the `AppContainer` pass; the objects that
//! the catalogue opens grant what those would ask for.

use crate::{Thread, Token};
use psimp_protocol::Status;
use psimp_rules::{Level, Sid};
use std::sync::Arc;

/// Access rights of files and devices, as the catalogue uses them.
pub mod rights {
    /// `FILE_READ_DATA`.
    pub const FILE_READ_DATA: u32 = 0x1;
    /// `FILE_WRITE_DATA`.
    pub const FILE_WRITE_DATA: u32 = 0x2;
    /// `GENERIC_ALL` mapped for files: `FILE_ALL_ACCESS`.
    pub const FILE_ALL_ACCESS: u32 = 0x001F_01FF;
    /// `TOKEN_QUERY`.
    pub const TOKEN_QUERY: u32 = 0x8;
    /// `TOKEN_ALL_ACCESS`.
    pub const TOKEN_ALL_ACCESS: u32 = 0x000F_01FF;
    /// `THREAD_ALL_ACCESS` since Windows Vista.
    pub const THREAD_ALL_ACCESS: u32 = 0x001F_FFFF;
}

/// Allow or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AceKind {
    /// `ACCESS_ALLOWED_ACE`.
    Allow,
    /// `ACCESS_DENIED_ACE`.
    Deny,
}

/// An access control entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ace {
    /// Allow or deny.
    pub kind: AceKind,
    /// The rights it speaks of, already mapped.
    pub mask: u32,
    /// To whom it applies.
    pub sid: Sid,
}

/// A DACL that is present.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Acl(pub Vec<Ace>);

impl Acl {
    /// A DACL that grants everything to these SIDs.
    pub fn granting(sids: &[Sid]) -> Self {
        Self(sids.iter().map(|&sid| Ace { kind: AceKind::Allow, mask: u32::MAX, sid }).collect())
    }

    /// What is left of `desired` once every entry that applies has been read.
    fn grants(&self, desired: u32, applies: impl Fn(&Sid) -> bool) -> bool {
        let mut left = desired;
        for ace in self.0.iter().filter(|ace| applies(&ace.sid)) {
            match ace.kind {
                AceKind::Allow => left &= !ace.mask,
                AceKind::Deny if left & ace.mask != 0 => return false,
                AceKind::Deny => (),
            }
            if left == 0 {
                return true;
            }
        }
        false
    }
}

/// Who is judged: the client token and its level while impersonating, else the
/// primary token.
#[derive(Clone, Debug)]
pub struct SubjectContext {
    client: Option<(Arc<Token>, u32)>,
    primary: Arc<Token>,
}

impl SubjectContext {
    /// `SeCaptureSubjectContext` for a thread.
    pub fn capture(thread: &Thread) -> Self {
        Self {
            client: thread.slot().map(|slot| (slot.token, slot.level)),
            primary: thread.current_process().primary(),
        }
    }

    /// The primary token alone, as `OpenAsSelf` wants it.
    pub fn as_self(thread: &Thread) -> Self {
        Self { client: None, primary: thread.current_process().primary() }
    }

    /// `SeAccessCheck` for user mode. The level is tested before the DACL is
    /// read, so a slot below Impersonation never opens anything.
    ///
    /// # Errors
    /// `BAD_IMPERSONATION_LEVEL` or `ACCESS_DENIED`.
    pub fn access_check(&self, acl: &Acl, desired: u32) -> Result<(), Status> {
        let token = match &self.client {
            Some((_, level)) if *level < Level::Impersonation as u32 => {
                return Err(Status::BAD_IMPERSONATION_LEVEL);
            }
            Some((token, _)) => token,
            None => &self.primary,
        };
        let restricted = match token.facts().restriction {
            psimp_rules::Restriction::None => false,
            psimp_rules::Restriction::Restricted => true,
            psimp_rules::Restriction::WriteRestricted => desired & rights::FILE_WRITE_DATA != 0,
        };
        let granted = acl.grants(desired, |sid| token.is_member(sid))
            && (!restricted || acl.grants(desired, |sid| token.restricting().contains(sid)));
        if granted { Ok(()) } else { Err(Status::ACCESS_DENIED) }
    }
}
