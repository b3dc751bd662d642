//! The lines of the journal.

use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// A persistent object that psimp creates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Thing {
    /// A local account.
    Account {
        /// Its name, drawn at random.
        name: String,
        /// Also random, and part of the account's comment: it distinguishes the account
        /// from another one of this name while its SID is not known.
        mark: String,
        /// Its SID, known once it exists.
        sid: Option<String>,
    },
}

impl Display for Thing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { name, sid: Some(sid), .. } => write!(f, "the account {name} ({sid})"),
            Self::Account { name, sid: None, .. } => write!(f, "the account {name}"),
        }
    }
}

/// A process. Process ids are reused, so the creation time is recorded too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Its id.
    pub pid: u32,
    /// When it was created, in the system's own unit.
    pub started: u64,
}

/// One line: an object that exists, or was about to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number among its writer's entries.
    pub number: u64,
    /// The process that wrote it.
    pub writer: Writer,
    /// The object.
    pub thing: Thing,
    /// How many processes have begun to remove it and ended before they were done.
    #[serde(default, skip_serializing_if = "is_none")]
    pub tries: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
const fn is_none(tries: &u32) -> bool {
    *tries == 0
}

impl Entry {
    /// Whether both are about the same object, of which one may have more details.
    pub fn is(&self, other: &Self) -> bool {
        (self.number, self.writer) == (other.number, other.writer)
    }
}

/// A line as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An entry that can be read.
    Entry(Entry),
    /// Not readable, so nothing can be removed for it: of another version, or not psimp's.
    Unreadable(String),
}

impl Line {
    /// The entry, if it can be read.
    pub const fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Unreadable(_) => None,
        }
    }
}

/// The lines of a journal's text. A truncated last line was never finished, so
/// nothing was created for it, and it is ignored.
pub(super) fn parse(text: &str) -> Vec<Line> {
    let whole = text.ends_with('\n');
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.len().saturating_sub(1);
    let line = |(index, line): (usize, &&str)| match serde_json::from_str(line) {
        Ok(entry) => Some(Line::Entry(entry)),
        Err(_) if index == last && !whole => None,
        Err(_) => Some(Line::Unreadable((*line).to_owned())),
    };
    lines.iter().enumerate().filter_map(line).collect()
}

/// The text of a journal with these lines.
///
/// # Errors
/// An entry that cannot be written as JSON.
pub(super) fn render(lines: &[Line]) -> serde_json::Result<String> {
    lines.iter().try_fold(String::new(), |text, line| {
        let line = match line {
            Line::Entry(entry) => serde_json::to_string(entry)?,
            Line::Unreadable(line) => line.clone(),
        };
        Ok(text + &line + "\n")
    })
}
