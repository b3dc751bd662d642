//! Who is judged.

use super::check::allowed_by_dacl;
use super::mapping::GenericMapping;
use super::rights;
use crate::{Acl, Thread, Token};
use psimp_protocol::Status;
use psimp_rules::Level;
use std::sync::Arc;

/// Who is judged: the client token and its level while impersonating, else the
/// primary token. It holds a reference on each.
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
            primary: thread.with_current_process(crate::Process::primary),
        }
    }

    /// A context that was taken apart: the client token and its level, if there
    /// is one, and the primary token.
    pub fn new(client: Option<(Arc<Token>, u32)>, primary: Arc<Token>) -> Self {
        Self { client, primary }
    }

    /// The primary token alone, as `OpenAsSelf` wants it.
    pub fn as_self(thread: &Thread) -> Self {
        Self { client: None, primary: thread.with_current_process(crate::Process::primary) }
    }

    /// `SeQuerySubjectContextToken`: the client token, else the primary token.
    /// No level test.
    pub fn token(&self) -> &Arc<Token> {
        self.client.as_ref().map_or(&self.primary, |(token, _)| token)
    }

    /// The client token and the level that it was captured with, while
    /// impersonating.
    pub fn client(&self) -> Option<(&Arc<Token>, u32)> {
        self.client.as_ref().map(|(token, level)| (token, *level))
    }

    /// The primary token: audit privilege checks look at it alone.
    pub fn primary(&self) -> &Arc<Token> {
        &self.primary
    }

    /// Whether there is a client below Impersonation level, which can open and
    /// do nothing.
    pub fn is_too_weak(&self) -> bool {
        self.client.as_ref().is_some_and(|(_, level)| *level < Level::Impersonation as u32)
    }

    /// The token that a check for user mode judges.
    ///
    /// # Errors
    /// `BAD_IMPERSONATION_LEVEL` for a client below Impersonation.
    pub(crate) fn judged(&self) -> Result<&Token, Status> {
        if self.is_too_weak() { Err(Status::BAD_IMPERSONATION_LEVEL) } else { Ok(self.token()) }
    }

    /// `SeAccessCheck` for user mode on an object whose DACL is this and whose
    /// label binds nobody. The level is tested before the DACL is read, so a
    /// slot below Impersonation never opens anything.
    ///
    /// # Errors
    /// `BAD_IMPERSONATION_LEVEL` or `ACCESS_DENIED`.
    pub fn access_check(&self, acl: &Acl, desired: u32) -> Result<(), Status> {
        self.dacl_check(Some(acl), desired, &GenericMapping::FILE).map(drop)
    }

    /// [`SubjectContext::access_check`] with any mapping and with no DACL at
    /// all; tells the access granted.
    pub(crate) fn dacl_check(
        &self,
        acl: Option<&Acl>,
        desired: u32,
        mapping: &GenericMapping,
    ) -> Result<u32, Status> {
        let token = self.judged()?;
        let desired = mapping.map(desired);
        let allowed = allowed_by_dacl(token, None, acl, mapping);
        let wanted = desired & !rights::MAXIMUM_ALLOWED;
        let granted = if wanted == desired { wanted } else { wanted | (allowed & mapping.all) };
        if granted == 0 || wanted & !allowed != 0 { Err(Status::ACCESS_DENIED) } else { Ok(granted) }
    }
}
