//! The values that the facts of a token take.

use std::fmt::{self, Display, Formatter};

use psimp_catalogue::User;
use psimp_nt::{Level, Luid, Sid, TokenType, integrity};

pub(super) const LOGONS: &str = "own, system, anonymous or a number";
pub(super) const ORIGINS: &str = "server, system, anonymous or a number";
pub(super) const LEVELS: &str = "anonymous, identification, impersonation, delegation or 0 to 3";
pub(super) const INTEGRITIES: &str = "untrusted, low, medium, high, system or a number";
pub(super) const NUMBER: &str = "a number of 32 bits";
pub(super) const TYPES: &[(&str, TokenType)] =
    &[("primary", TokenType::Primary), ("impersonation", TokenType::Impersonation)];
pub(super) const PRIVILEGES: &[(&str, bool)] =
    &[("SeImpersonate", true), ("disabled", false), ("none", false)];
pub(super) const INTEGRITY: &[(&str, u32)] = &[
    ("untrusted", integrity::UNTRUSTED),
    ("low", integrity::LOW),
    ("medium", integrity::MEDIUM),
    ("high", integrity::HIGH),
    ("system", integrity::SYSTEM),
];

/// A logon session that is said, by what it is or by whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Session {
    /// The token's user's.
    Own,
    /// The server's.
    Server,
    /// This one.
    Is(Luid),
}

/// What is wrong with the words about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongFact(pub(super) String);

impl Display for WrongFact {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongFact {}

pub(super) fn wrong<T>(why: impl Into<String>) -> Result<T, WrongFact> {
    Err(WrongFact(why.into()))
}

/// A level by its name or number.
pub(super) fn level(text: &str) -> Result<Level, String> {
    let named = Level::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(text));
    let level = named.or_else(|| Level::from_raw(text.parse().ok()?));
    level.ok_or_else(|| format!("there is no {text}; it is {LEVELS}"))
}

pub(super) fn user(text: &str) -> Result<Sid, WrongFact> {
    let named = [("A", User::A), ("B", User::B), ("anonymous", User::Anonymous)];
    match named.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        Some((_, user)) => Ok(user.sid()),
        None => sid(text)
            .ok_or_else(|| WrongFact(format!("user: there is no {text}; it is A, B, anonymous or a SID"))),
    }
}

/// A SID as people write it: `S-1-authority-sub-…`.
pub(super) fn sid(text: &str) -> Option<Sid> {
    let mut numbers = text.strip_prefix("S-1-").or_else(|| text.strip_prefix("s-1-"))?.split('-');
    let authority: u64 = numbers.next()?.parse().ok()?;
    let subs = numbers.map(|sub| sub.parse().ok()).collect::<Option<Vec<u32>>>()?;
    let [0, 0, authority @ ..] = authority.to_be_bytes() else { return None };
    let mut bytes = vec![1, u8::try_from(subs.len()).ok()?];
    bytes.extend(authority);
    bytes.extend(subs.iter().flat_map(|sub| sub.to_le_bytes()));
    Sid::parse(&bytes).ok()
}

pub(super) fn session(
    key: &str,
    text: &str,
    relative: Session,
    there_is: &str,
) -> Result<Session, WrongFact> {
    let relative_name = if relative == Session::Own { "own" } else { "server" };
    let named = [
        (relative_name, relative),
        ("system", Session::Is(Luid::SYSTEM)),
        ("anonymous", Session::Is(Luid::ANONYMOUS_LOGON)),
    ];
    match named.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        Some((_, session)) => Ok(*session),
        None => number(key, text, there_is).map(|luid| Session::Is(Luid(luid))),
    }
}

pub(super) fn one_of<T: Copy>(key: &str, value: Option<&str>, choices: &[(&str, T)]) -> Result<T, WrongFact> {
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    let there_is = match names.split_last() {
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    };
    let text = needed(key, value, &there_is)?;
    match choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        Some((_, value)) => Ok(*value),
        None => wrong(format!("{key}: there is no {text}; it is {there_is}")),
    }
}

pub(super) fn number<N: TryFrom<u64>>(key: &str, text: &str, there_is: &str) -> Result<N, WrongFact> {
    let read = super::values::seed(text).ok().and_then(|number| N::try_from(number).ok());
    read.ok_or_else(|| WrongFact(format!("{key}: there is no {text}; it is {there_is}")))
}

pub(super) fn needed<'a>(key: &str, value: Option<&'a str>, there_is: &str) -> Result<&'a str, WrongFact> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| WrongFact(format!("{key} needs a value: {there_is}")))
}

/// A fact that is so when it is named.
pub(super) fn alone(key: &str, value: Option<&str>) -> Result<bool, WrongFact> {
    if value.is_some() {
        return wrong(format!("{key} takes no value: it is so when it is said"));
    }
    Ok(true)
}
