//! Why a question is not answered.

use crate::read::Wrong;
use std::fmt::{self, Display, Formatter};

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
