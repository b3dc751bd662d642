//! What can be observed of a thread, in the catalogue's notation.

use crate::client::{Client, Contract};
use crate::driver::Failure;
use crate::machine::{Machine, OpenedToken, READ_WRITE, descriptor};
use psimp_catalogue::{ClientToken, Observed, User};
use psimp_model::{SlotState, sids};
use psimp_nt::{Luid, Sid, Status, TokenType};
use psimp_protocol::wire::{self, Access, slot_flags};

/// A slot in use, from the kernel or from a reply of the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotView {
    /// Level of the slot.
    pub level: u32,
    /// Copy-on-open.
    pub copy_on_open: bool,
    /// Effective-only.
    pub effective_only: bool,
    /// `TokenId`.
    pub token_id: u64,
    /// Type of the token object.
    pub token_type: u32,
    /// Level recorded in it.
    pub own_level: u32,
    /// Its logon session.
    pub authentication_id: u64,
    /// Its user.
    pub user: Sid,
    /// It has restricting SIDs.
    pub restricted: bool,
}

impl From<&SlotState> for SlotView {
    fn from(slot: &SlotState) -> Self {
        Self {
            level: slot.level,
            copy_on_open: slot.copy_on_open,
            effective_only: slot.effective_only,
            token_id: slot.token.id().0,
            token_type: slot.token.token_type() as u32,
            own_level: slot.token.level() as u32,
            authentication_id: slot.token.authentication_id().0,
            user: slot.token.user(),
            restricted: slot.token.is_restricted(),
        }
    }
}

impl SlotView {
    /// The slot in a reply of QUERY; `None` for an idle thread.
    ///
    /// # Errors
    /// What is wrong with the reply itself.
    pub fn from_reply(reply: &wire::Slot) -> Result<Option<Self>, String> {
        if reply.flags & slot_flags::ACTIVE == 0 {
            let blank = zerocopy::IntoBytes::as_bytes(reply).iter().all(|byte| *byte == 0);
            return if blank { Ok(None) } else { Err(format!("an idle slot with contents: {reply:?}")) };
        }
        let length = usize::try_from(reply.user_length).unwrap_or(usize::MAX);
        let (sid, rest) = reply.user.split_at_checked(length).ok_or("a SID longer than its field")?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err("bytes after the SID".to_owned());
        }
        let flag = |bit| reply.flags & bit != 0;
        Ok(Some(Self {
            level: reply.level,
            copy_on_open: flag(slot_flags::COPY_ON_OPEN),
            effective_only: flag(slot_flags::EFFECTIVE_ONLY),
            token_id: reply.token_id,
            token_type: reply.token_type,
            own_level: reply.own_level,
            authentication_id: reply.authentication_id,
            user: Sid::parse(sid).map_err(|_| "a SID that is none")?,
            restricted: flag(slot_flags::RESTRICTED),
        }))
    }

    /// The slot after a call that requested `asked`, in the notation of scripts.
    pub fn notation(&self, machine: &Machine, asked: Option<ClientToken>) -> String {
        let flags =
            format!("co{} eo{} L{}", u8::from(self.copy_on_open), u8::from(self.effective_only), self.level);
        let primary = machine.process.primary();
        match (machine.token_by_id(self.token_id), asked) {
            (Some(tok), _) => format!("{} {flags}", tok.name()),
            (None, Some(asked)) => {
                let original = asked.fixture();
                let whose = if original.user.sid() == self.user
                    && original.logon.luid().0 == self.authentication_id
                {
                    asked.name().to_owned()
                } else {
                    format!("something of {}", self.user)
                };
                format!("copy of {whose} {} {flags}", self.kind())
            }
            (None, None) if primary.id().0 == self.token_id => format!("the primary token {flags}"),
            (None, None) if machine.system.anonymous_token().id().0 == self.token_id => {
                format!("the anonymous token {flags}")
            }
            (None, None) if self.authentication_id == Luid::ANONYMOUS_LOGON.0 => {
                format!("copy of the anonymous token {} {flags}", self.kind())
            }
            (None, None)
                if primary.user() == self.user && primary.authentication_id().0 == self.authentication_id =>
            {
                format!("copy of the primary token {} {flags}", self.kind())
            }
            (None, None) => format!("a token of {} {flags}", self.user),
        }
    }

    /// Type and own level of the token.
    pub fn kind(&self) -> String {
        if self.token_type == TokenType::Primary as u32 {
            "prim".to_owned()
        } else {
            format!("imp/{}", self.own_level)
        }
    }
}

/// A slot, or `idle`.
pub fn slot(machine: &Machine, slot: Option<&SlotView>, asked: Option<ClientToken>) -> String {
    slot.map_or_else(|| "idle".to_owned(), |slot| slot.notation(machine, asked))
}

/// An open of the thread's token, compared with the slot that it was opened from.
pub fn open(opened: &Result<OpenedToken, Status>, slot: Option<&SlotView>) -> String {
    match opened {
        Err(status) => short(*status),
        Ok(token) => {
            let same = slot.is_some_and(|slot| slot.token_id == token.id);
            let which = if same { "same" } else { "new" };
            let disabled = if token.has_disabled { "all" } else { "effective" };
            format!("{which} {} {disabled}", kind(token))
        }
    }
}

fn kind(token: &OpenedToken) -> String {
    match (token.token_type, token.level) {
        (TokenType::Primary, Err(Status::INVALID_INFO_CLASS)) => "prim".to_owned(),
        (TokenType::Primary, level) => format!("prim with level {level:?}"),
        (TokenType::Impersonation, Ok(level)) => format!("imp/{}", level as u8),
        (TokenType::Impersonation, Err(status)) => format!("imp without level: {}", short(status)),
    }
}

/// Whose access the thread has, by the model's own access check.
pub fn access(machine: &Machine) -> String {
    access_by(|granted| machine.access(granted))
}

/// Whose access the thread has, by the driver's `ACCESS_CHECK`.
///
/// # Errors
/// The failure that the driver returns, unless it is a refused access.
pub fn access_through(client: &Client<'_>) -> Result<String, Failure> {
    let mut failure = None;
    let seen = access_by(|granted| match client.access_check(&descriptor(granted), READ_WRITE) {
        Ok(Access { granted: READ_WRITE, status: 0 }) => Ok(()),
        Ok(Access { granted: 0, status }) => Err(Status(status)),
        Ok(other) => {
            failure = Some(Failure::Fault(format!("an access check with {other:?}")));
            Err(Status::UNSUCCESSFUL)
        }
        Err(other) => {
            failure = Some(other);
            Err(Status::UNSUCCESSFUL)
        }
    });
    failure.map_or(Ok(seen), Err)
}

fn access_by(mut check: impl FnMut(&[Sid]) -> Result<(), Status>) -> String {
    for user in [User::A, User::B, User::Anonymous] {
        match check(&[user.sid(), sids::RESTRICTED]) {
            Ok(()) if check(&[user.sid()]).is_ok() => return format!("as {}", user.name()),
            Ok(()) => return format!("as {}*", user.name()),
            Err(Status::ACCESS_DENIED) => (),
            Err(status) => return short(status),
        }
    }
    "nothing".to_owned()
}

/// All three observations in the notation of group D, for a call that requested `asked`.
pub fn decision(machine: &Machine, slot: Option<&SlotView>, asked: ClientToken) -> Observed {
    let slot_text = slot.map_or_else(
        || "idle".to_owned(),
        |slot| {
            let same = if machine.token_by_id(slot.token_id) == Some(asked) { "same" } else { "copy" };
            let kind = if slot.token_type == TokenType::Primary as u32 { "prim" } else { "imp" };
            let user = [User::A, User::B, User::Anonymous].into_iter().find(|user| user.sid() == slot.user);
            let flags = if slot.copy_on_open || slot.effective_only { ", flags" } else { "" };
            format!("{same}, {kind}, {}, L{}{flags}", user.map_or("?", User::name), slot.level)
        },
    );
    let opened = machine.open_thread_token(true);
    let open = match &opened {
        Ok(token) if slot.is_some_and(|slot| slot.token_id != token.id) => {
            format!("{} of another object", kind(token))
        }
        Ok(token) => kind(token),
        Err(status) => short(*status),
    };
    Observed { slot: slot_text, open, access: access(machine) }
}

/// The catalogue's short form of a status.
pub fn short(status: Status) -> String {
    match status {
        Status::BAD_IMPERSONATION_LEVEL => "A5".to_owned(),
        Status::CANT_OPEN_ANONYMOUS => "A6".to_owned(),
        Status::NO_TOKEN => "7C".to_owned(),
        other => other.to_string(),
    }
}
