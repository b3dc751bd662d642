//! A question: two tokens and a level.

use crate::fact::{Fact, Key, Said, by_value, facts, level, named};
use crate::names::{INTEGRITIES, LEVELS, TYPES};
use crate::names::{all, nearest};
use crate::read::Wrong;
use crate::token::{Packages, Token, check};
use psimp_nt::Level;
use std::fmt::{self, Display, Formatter, Write as _};

/// One of the two tokens of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The primary token of the process whose thread impersonates.
    Process,
    /// The token that it impersonates.
    Token,
}

impl Side {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Token => "token",
        }
    }

    /// The option of `psimp explain`.
    pub const fn option(self) -> &'static str {
        match self {
            Self::Process => "--process",
            Self::Token => "--token",
        }
    }
}

/// Why a question is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub why: String,
    /// What to write instead, if that can be said.
    pub write: Option<String>,
}

impl From<Wrong> for Refusal {
    fn from((why, write): Wrong) -> Self {
        Self { why, write }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        self.write.as_ref().map_or(Ok(()), |write| write!(f, "; write {write}"))
    }
}

impl std::error::Error for Refusal {}

impl Said {
    /// Reads what is said of a token, such as `user=A,elevated`. An empty text says nothing.
    ///
    /// # Errors
    /// A name or value that is not known, and a token that cannot be.
    pub fn parse(side: Side, text: &str) -> Result<Self, Refusal> {
        let said = Self::read(text)?;
        check(side, &said)?;
        Ok(said)
    }

    fn read(text: &str) -> Result<Self, Refusal> {
        let mut said = Self::default();
        let mut keys: Vec<Key> = Vec::new();
        if text.trim().is_empty() {
            return Ok(said);
        }
        for word in text.split([',', ';']) {
            let word = word.trim();
            if word.is_empty() {
                return Err(Wrong::into((format!("a fact is empty; the facts are {}", names()), None)));
            }
            let (fact, value) = match word.split_once('=').or_else(|| word.split_once(": ")) {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (word, None),
            };
            let key = if let Some(fact) = named(fact) {
                said.say(fact.key, value)?;
                fact.key
            } else {
                let (key, one) = unnamed(word, fact, value)?;
                if !keys.contains(&key) {
                    said = said.over(&one);
                }
                key
            };
            if keys.contains(&key) {
                return Err(Wrong::into((format!("{} is said twice", key.fact().name), None)));
            }
            keys.push(key);
        }
        Ok(said)
    }
}

/// What a word says that begins with no fact's name.
fn unnamed(word: &str, name: &str, value: Option<&str>) -> Result<(Key, Said), Refusal> {
    let elevation = |word: &str| crate::names::plain(word);
    // `TokenElevationType`, which has three values.
    if value.is_some() && elevation(name).ends_with("elevationtype") {
        let mut said = Said::default();
        let key = match value.map(elevation).as_deref() {
            Some("full" | "tokenelevationtypefull" | "2") => Key::Elevated,
            Some("limited" | "tokenelevationtypelimited" | "3") => Key::Filtered,
            Some("default" | "tokenelevationtypedefault" | "1") => {
                said.say(Key::Filtered, Some("no"))?;
                return Ok((Key::Filtered, said));
            }
            _ => {
                return Err(Wrong::into(("the elevation type is full, limited or default".to_owned(), None)));
            }
        };
        said.say(key, None)?;
        return Ok((key, said));
    }
    // `SeImpersonatePrivilege=Disabled` is a privilege and its state, others are known by their value.
    let mut fitting = by_value(word);
    if fitting.len() == 1 && (value.is_none() || fitting[0].0.key == Key::Privilege) {
        let (fact, said) = fitting.remove(0);
        return Ok((fact.key, said));
    }
    let why = format!("there is no fact {name}; the facts are {}", names());
    let meant: Vec<_> =
        fitting.iter().map(|(fact, said)| said.written(fact.key).unwrap_or_default()).collect();
    if !meant.is_empty() {
        return Err(Wrong::into((why, Some(meant.join(" or ")))));
    }
    // A privilege that no rule reads has its own answer.
    if let Some(wrong) = crate::read::other_privilege("privilege", name) {
        return Err(wrong.into());
    }
    let keys = facts().iter().flat_map(|fact| {
        std::iter::once(fact.name).chain(fact.also.iter().copied()).map(move |name| (name, fact.name))
    });
    let like = nearest(name, keys).map(|fact| match value {
        Some(value) => format!("{fact}={value}"),
        None => fact.to_owned(),
    });
    let by_value = || {
        let like = |fact: &str, value: Option<&str>| value.map(|value| format!("{fact}={value}"));
        like("integrity", nearest(name, all(INTEGRITIES)))
            .or_else(|| like("level", nearest(name, all(LEVELS))))
            .or_else(|| like("type", nearest(name, all(TYPES))))
    };
    Err(Wrong::into((why, like.or_else(by_value))))
}

/// The facts' names, for mistakes.
fn names() -> String {
    let names: Vec<_> = facts().iter().map(|fact: &Fact| fact.name).collect();
    match names.split_last() {
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Two tokens and a level: what may this process make of that token?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    process: Said,
    token: Said,
    level: Option<Level>,
}

impl Question {
    /// Reads a question. Nothing is said by an empty text. Without a level the question is that of a user-mode
    /// caller, who has no choice: it is the token's own.
    ///
    /// # Errors
    /// A name or value that is not known, and a token that cannot be; each with what to write.
    pub fn parse(process: &str, token: &str, level: Option<&str>) -> Result<Self, Refusal> {
        let of = |side: Side, text| {
            Said::parse(side, text)
                .map_err(|refusal| Refusal { why: format!("{}: {}", side.option(), refusal.why), ..refusal })
        };
        let level = level.map(parse_level).transpose();
        let level = level.map_err(|refusal| Refusal { why: format!("--level: {}", refusal.why), ..refusal });
        Self::new(of(Side::Process, process)?, of(Side::Token, token)?, level?)
    }

    /// A question about tokens that are already read.
    ///
    /// # Errors
    /// A token that cannot be.
    pub fn new(process: Said, token: Said, level: Option<Level>) -> Result<Self, Refusal> {
        check(Side::Process, &process)?;
        check(Side::Token, &token)?;
        Ok(Self { process, token, level })
    }

    /// What is said of one of the tokens.
    pub fn said(&self, side: Side) -> &Said {
        match side {
            Side::Process => &self.process,
            Side::Token => &self.token,
        }
    }

    /// The level that a driver passes, if the question has one.
    pub fn level(&self) -> Option<Level> {
        self.level
    }

    /// A token with all that is not said.
    pub fn token(&self, side: Side) -> Token {
        let packages = Packages::of(&[&self.process, &self.token]);
        let process = Token::new(Side::Process, &self.process, None, &packages);
        match side {
            Side::Process => process,
            Side::Token => {
                Token::new(Side::Token, &self.token, Some(process.facts.authentication_id), &packages)
            }
        }
    }

    /// The command that asks this question; reading its arguments gives the question again.
    pub fn command(&self) -> String {
        let mut command = "psimp explain".to_owned();
        let (process, token) = (self.process.to_string(), self.token.to_string());
        // In double quotes, since PowerShell splits words at commas.
        let quoted = |text: &str| if text.contains(',') { format!("\"{text}\"") } else { text.to_owned() };
        for (option, said) in [(Side::Process.option(), &process), (Side::Token.option(), &token)] {
            if !said.is_empty() {
                let _ = write!(command, " {option} {}", quoted(said));
            }
        }
        match self.level {
            Some(level) => {
                let _ = write!(command, " --level {}", level.name().to_lowercase());
            }
            None if process.is_empty() && token.is_empty() => command += " --token=",
            None => {}
        }
        command
    }
}

/// Reads a level, by its name or number.
///
/// # Errors
/// What is no level.
pub fn parse_level(text: &str) -> Result<Level, Refusal> {
    // The message names no fact: the option has its name.
    level("level", text).map_err(|(why, write)| Refusal {
        why: why.trim_start_matches("level: ").to_owned(),
        write: write.map(|write| write.trim_start_matches("level=").to_owned()),
    })
}
