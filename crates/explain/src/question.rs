//! A question: two tokens and a level.

use crate::fact::{Fact, Key, Said, by_value, facts, level, named};
use crate::names::{INTEGRITIES, LEVELS, TYPES};
use crate::names::{all, bare, nearest, plain};
use crate::refusal::{Refusal, Side};
use crate::token::{Packages, Token, check};
use psimp_nt::Level;
use std::fmt::Write as _;

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
        for word in words(text) {
            let word = word.trim();
            if word.matches('(').count() > word.matches(')').count() {
                return Err(Refusal::from((format!("the bracket in {word} is not closed"), None)));
            }
            if word.is_empty() {
                return Err(Refusal::from((format!("a fact is empty; the facts are {}", names()), None)));
            }
            let (fact, value) = match split(word) {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (word, None),
            };
            let key = if let Some((key, elevation)) = elevation_type(fact, value)? {
                said = said.over(&elevation);
                key
            } else if let Some(known) = named(fact) {
                said.say_as(known.key, fact, value)?;
                known.key
            } else {
                let (key, one) = unnamed(word, fact, value)?;
                if !keys.contains(&key) {
                    said = said.over(&one);
                }
                key
            };
            if keys.contains(&key) {
                return Err(Refusal::from((format!("{} is said twice", key.fact().name), None)));
            }
            keys.push(key);
        }
        Ok(said)
    }
}

/// The facts of a text: lines, commas and semicolons part them, but not those in brackets.
fn words(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.flat_map(words_of_line).collect()
}

fn words_of_line(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let parts = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        matches!(c, ',' | ';') && depth <= 0
    };
    text.split(parts).collect()
}

/// A fact's name and its value: behind an equals sign, or behind a colon as tools print it.
fn split(word: &str) -> Option<(&str, &str)> {
    let colon = || {
        let (name, value) = word.split_once(':')?;
        let printed = value.is_empty() || value.starts_with(char::is_whitespace);
        (printed || named(name).is_some()).then_some((name, value))
    };
    word.split_once('=').or_else(colon)
}

/// `TokenElevationType`, which has three values. They are taken of `elevated` too.
fn elevation_type(name: &str, value: Option<&str>) -> Result<Option<(Key, Said)>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let is_type = plain(name).ends_with("elevationtype");
    if !is_type && named(name).is_none_or(|fact| ![Key::Elevated, Key::Filtered].contains(&fact.key)) {
        return Ok(None);
    }
    let plainly = plain(bare(value));
    let (key, so) = match plainly.strip_prefix("tokenelevationtype").unwrap_or(&plainly) {
        "full" => (Key::Elevated, None),
        "limited" => (Key::Filtered, None),
        "default" => (Key::Filtered, Some("no")),
        "2" if is_type => (Key::Elevated, None),
        "3" if is_type => (Key::Filtered, None),
        "1" if is_type => (Key::Filtered, Some("no")),
        _ if is_type => {
            return Err(Refusal::from(("the elevation type is full, limited or default".to_owned(), None)));
        }
        _ => return Ok(None),
    };
    let mut said = Said::default();
    said.say(key, so)?;
    Ok(Some((key, said)))
}

/// What a word says that begins with no fact's name.
fn unnamed(word: &str, name: &str, value: Option<&str>) -> Result<(Key, Said), Refusal> {
    if crate::others::is_not_read(name) {
        let why = format!("no rule reads {name}; the facts are {}", names());
        return Err(Refusal::from((why, Some("nothing of it".to_owned()))));
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
        return Err(Refusal::from((why, Some(meant.join(" or ")))));
    }
    if name.is_empty() {
        return Err(Refusal::from((
            format!("there is no fact before {word}; the facts are {}", names()),
            None,
        )));
    }
    if let Some((what, write)) = crate::others::group(word).and_then(|sid| crate::others::no_user(&sid)) {
        return Err(Refusal::from((
            format!("{word} is {what}, and no fact; the facts are {}", names()),
            Some(write),
        )));
    }
    // A privilege that no rule reads has its own answer.
    if let Some(wrong) = crate::read::other_privilege("privilege", name) {
        return Err(wrong.into());
    }
    let keys = facts().iter().flat_map(|fact| {
        std::iter::once(fact.name).chain(fact.also.iter().copied()).map(move |name| (name, fact.name))
    });
    // With the value, if it is one.
    let like = nearest(name, keys).and_then(named).map(|fact| {
        let taken = Said::default().say(fact.key, value).is_ok();
        match value {
            Some(value) if taken => format!("{}={value}", fact.name),
            None if fact.flag => fact.name.to_owned(),
            _ => format!("{}=…", fact.name),
        }
    });
    let by_value = || {
        let like = |fact: &str, value: Option<&str>| value.map(|value| format!("{fact}={value}"));
        like("integrity", nearest(name, all(INTEGRITIES)))
            .or_else(|| like("level", nearest(name, all(LEVELS))))
            .or_else(|| like("type", nearest(name, all(TYPES))))
    };
    Err(Refusal::from((why, like.or_else(by_value))))
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
        write: write.map(|write| match write.strip_prefix("level=") {
            Some(level) => level.to_owned(),
            None if write.contains('=') => format!("--token {write}"),
            None => write,
        }),
    })
}
