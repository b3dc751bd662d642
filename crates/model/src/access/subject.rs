//! Subject contexts.

use crate::{System, Thread, Token};
use psimp_nt::{Level, Status};
use psimp_rules::AnonymousClient;
use std::sync::Arc;

/// The subject of a check: the client token and its level while impersonating,
/// else the primary token. It holds a reference on each.
#[derive(Clone, Debug)]
pub struct SubjectContext {
    client: Option<(Arc<Token>, u32)>,
    /// The token that is checked instead of the client's.
    stand_in: Option<Arc<Token>>,
    primary: Arc<Token>,
}

impl SubjectContext {
    /// `SeCaptureSubjectContext` for a thread.
    pub fn capture(system: &System, thread: &Thread) -> Self {
        let client = thread.slot().map(|slot| (slot.token, slot.level));
        Self::new(system, client, thread.with_current_process(crate::Process::primary))
    }

    /// A context from its parts: the client token and its level, if there is
    /// one, and the primary token. The kernel decides what level 0 means.
    pub fn new(system: &System, client: Option<(Arc<Token>, u32)>, primary: Arc<Token>) -> Self {
        let anonymous = client.as_ref().is_some_and(|(_, level)| *level == Level::Anonymous as u32);
        let stand_in = match system.kernel().facts().anonymous_client {
            AnonymousClient::Checked if anonymous => Some(system.anonymous_token().clone()),
            AnonymousClient::Checked | AnonymousClient::Refused => None,
        };
        Self { client, stand_in, primary }
    }

    /// The primary token alone, as for `OpenAsSelf`.
    pub fn as_self(thread: &Thread) -> Self {
        let primary = thread.with_current_process(crate::Process::primary);
        Self { client: None, stand_in: None, primary }
    }

    /// `SeQuerySubjectContextToken`: the client token or its replacement; else
    /// the primary token. The level is not tested.
    pub fn token(&self) -> &Arc<Token> {
        let client = self.client.as_ref().map(|(token, _)| token);
        self.stand_in.as_ref().or(client).unwrap_or(&self.primary)
    }

    /// The client token and the level that it was captured with, while
    /// impersonating.
    pub fn client(&self) -> Option<(&Arc<Token>, u32)> {
        self.client.as_ref().map(|(token, level)| (token, *level))
    }

    /// The primary token, which is the only one that audit privilege checks
    /// read.
    pub fn primary(&self) -> &Arc<Token> {
        &self.primary
    }

    /// Whether there is a client below Impersonation level that no other token
    /// replaces: it can open nothing.
    pub fn is_too_weak(&self) -> bool {
        let below = |(_, level): &(_, u32)| *level < Level::Impersonation as u32;
        self.stand_in.is_none() && self.client.as_ref().is_some_and(below)
    }

    /// The token that a user-mode check evaluates.
    ///
    /// # Errors
    /// `BAD_IMPERSONATION_LEVEL` for a client that is too weak.
    pub(crate) fn judged(&self) -> Result<&Token, Status> {
        if self.is_too_weak() { Err(Status::BAD_IMPERSONATION_LEVEL) } else { Ok(self.token()) }
    }
}
