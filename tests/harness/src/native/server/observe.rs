//! What user mode can observe of a thread, in the catalogue's notation.

use super::env::{CaseEnv, kind};
use crate::native::system::Token;
use crate::native::system::handle::BorrowedHandle;
use crate::native::system::information::Information;
use crate::native::system::token::QUERY;
use psimp_catalogue::{ClientToken, User};
use psimp_nt::Status;

use crate::observe::short;

/// The result of opening the token of a thread.
pub(super) enum OpenedToken {
    /// The thread does not impersonate.
    Idle,
    /// It impersonates at Anonymous, where nothing can be opened.
    Anonymous,
    /// The token.
    Token(Box<Information>),
    /// Another status of the open.
    Refused(Status),
    /// It was opened, and cannot be queried.
    Unreadable(Status),
}

impl OpenedToken {
    /// Opens the token of a thread without impersonating.
    pub(super) fn of(thread: BorrowedHandle<'_>, as_self: bool) -> Self {
        match Token::of_thread(thread, QUERY, as_self) {
            Ok(token) => token
                .information()
                .map_or_else(Self::Unreadable, |information| Self::Token(Box::new(information))),
            Err(Status::NO_TOKEN) => Self::Idle,
            Err(Status::CANT_OPEN_ANONYMOUS) => Self::Anonymous,
            Err(status) => Self::Refused(status),
        }
    }

    /// The observable part of the slot, and the same part of the expected slot.
    /// The flags cannot be observed; of a slot at Anonymous only the level can, and
    /// of one with copy-on-open the level is that of the opened token.
    pub(super) fn slot(&self, env: &CaseEnv, asked: Option<ClientToken>, expected: &str) -> (String, String) {
        let level = expected.rsplit_once(" L").map(|(_, level)| format!("L{level}"));
        let without_flags = || {
            let words = expected.split(' ').filter(|word| !word.starts_with("co") || *word == "copy");
            words.filter(|word| !matches!(*word, "eo0" | "eo1")).collect::<Vec<_>>().join(" ")
        };
        match self {
            Self::Idle => (expected.to_owned(), "idle".to_owned()),
            Self::Refused(status) => (expected.to_owned(), short(*status)),
            Self::Unreadable(status) => (expected.to_owned(), unreadable(*status)),
            Self::Anonymous => (level.unwrap_or_else(|| expected.to_owned()), "L0".to_owned()),
            Self::Token(seen) if expected.contains("co1") => (
                level.unwrap_or_default(),
                seen.level.map_or_else(short, |level| format!("L{}", level as u8)),
            ),
            Self::Token(seen) => (without_flags(), env.name(seen, asked)),
        }
    }

    /// The id of the opened token.
    pub(super) fn id(&self) -> Option<u64> {
        match self {
            Self::Token(seen) => Some(seen.token_id),
            _ => None,
        }
    }

    /// The opened token, compared with the object in the slot.
    pub(super) fn open(&self, in_slot: Option<u64>) -> String {
        let seen = match self {
            Self::Idle => return short(Status::NO_TOKEN),
            Self::Anonymous => return short(Status::CANT_OPEN_ANONYMOUS),
            Self::Refused(status) => return short(*status),
            Self::Unreadable(status) => return unreadable(*status),
            Self::Token(seen) => seen,
        };
        let which = if in_slot == Some(seen.token_id) { "same" } else { "new" };
        let disabled = seen.privileges.iter().any(|privilege| !privilege.enabled());
        format!("{which} {} {}", kind(seen), if disabled { "all" } else { "effective" })
    }
}

fn unreadable(status: Status) -> String {
    format!("NtQueryInformationToken: {}", short(status))
}

/// Whose access the calling thread has.
pub(super) fn access(env: &CaseEnv) -> String {
    const READ_WRITE: u32 = 3;
    for user in [User::A, User::B, User::Anonymous] {
        // Only a user who is not there has no objects.
        let Some(opens) = env.opens_of(user) else { continue };
        match opens.with_restricted.open(READ_WRITE) {
            Ok(_) => (),
            Err(Status::ACCESS_DENIED) => continue,
            Err(status) => return short(status),
        }
        return match opens.alone.open(READ_WRITE) {
            Ok(_) => format!("as {}", user.name()),
            Err(Status::ACCESS_DENIED) => format!("as {}*", user.name()),
            Err(status) => format!("as {} or {0}*: {}", user.name(), short(status)),
        };
    }
    "nothing".to_owned()
}
