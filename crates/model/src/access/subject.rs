//! Who is judged.

use crate::{System, Thread, Token};
use psimp_nt::{Level, Status};
use psimp_rules::AnonymousClient;
use std::sync::Arc;

/// Who is judged: the client token and its level while impersonating, else the
/// primary token. It holds a reference on each.
#[derive(Clone, Debug)]
pub struct SubjectContext {
    client: Option<(Arc<Token>, u32)>,
    /// What is judged in the client's place.
    stand_in: Option<Arc<Token>>,
    primary: Arc<Token>,
}

impl SubjectContext {
    /// `SeCaptureSubjectContext` for a thread.
    pub fn capture(system: &System, thread: &Thread) -> Self {
        let client = thread.slot().map(|slot| (slot.token, slot.level));
        Self::new(system, client, thread.with_current_process(crate::Process::primary))
    }

    /// A context that was taken apart: the client token and its level, if there
    /// is one, and the primary token. The kernel says what level 0 means.
    pub fn new(system: &System, client: Option<(Arc<Token>, u32)>, primary: Arc<Token>) -> Self {
        let anonymous = client.as_ref().is_some_and(|(_, level)| *level == Level::Anonymous as u32);
        let stand_in = match system.kernel().facts().anonymous_client {
            AnonymousClient::Checked if anonymous => Some(system.anonymous_token().clone()),
            AnonymousClient::Checked | AnonymousClient::Refused => None,
        };
        Self { client, stand_in, primary }
    }

    /// The primary token alone, as `OpenAsSelf` wants it.
    pub fn as_self(thread: &Thread) -> Self {
        let primary = thread.with_current_process(crate::Process::primary);
        Self { client: None, stand_in: None, primary }
    }

    /// `SeQuerySubjectContextToken`: the client token, or what is judged in its
    /// place; else the primary token. No level test.
    pub fn token(&self) -> &Arc<Token> {
        let client = self.client.as_ref().map(|(token, _)| token);
        self.stand_in.as_ref().or(client).unwrap_or(&self.primary)
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

    /// Whether there is a client below Impersonation level that nothing stands
    /// in for: it can open and do nothing.
    pub fn is_too_weak(&self) -> bool {
        let below = |(_, level): &(_, u32)| *level < Level::Impersonation as u32;
        self.stand_in.is_none() && self.client.as_ref().is_some_and(below)
    }

    /// The token that a check for user mode judges.
    ///
    /// # Errors
    /// `BAD_IMPERSONATION_LEVEL` for a client that is too weak.
    pub(crate) fn judged(&self) -> Result<&Token, Status> {
        if self.is_too_weak() { Err(Status::BAD_IMPERSONATION_LEVEL) } else { Ok(self.token()) }
    }
}
