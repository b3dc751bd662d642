//! What one decision came to, and whether a profile says the same.

use crate::observe::SlotView;
use psimp_nt::{Level, Status};
use psimp_rules::{Decision, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "came", rename_all = "kebab-case")]
pub enum Observation {
    /// The thread holds the token itself.
    Kept {
        /// Level of the slot.
        #[schemars(range(max = 3))]
        level: u32,
    },
    /// The thread holds a copy of the token.
    Copied {
        /// Level of the slot.
        #[schemars(range(max = 3))]
        level: u32,
    },
    /// The thread impersonates at Anonymous, where user mode cannot open the token: itself or a copy.
    Unopened,
    /// The call failed.
    Refused {
        /// Its status.
        status: String,
    },
    /// The decision was not requested.
    NotAsked {
        /// What it needs, or what went wrong.
        why: String,
    },
}

impl Observation {
    /// The decision was not requested.
    pub fn not_asked(why: impl Into<String>) -> Self {
        Self::NotAsked { why: why.into() }
    }

    /// The call failed.
    pub fn refused(status: Status) -> Self {
        Self::Refused { status: status.to_string() }
    }

    /// A slot after the call succeeded for the token with this id.
    pub fn of_slot(slot: Option<&SlotView>, asked: u64) -> Self {
        match slot {
            Some(slot) if slot.token_id == asked => Self::Kept { level: slot.level },
            Some(slot) => Self::Copied { level: slot.level },
            None => Self::not_asked("the call succeeded, and the thread impersonates nothing"),
        }
    }

    /// Whether the decision was requested.
    pub const fn asked(&self) -> bool {
        !matches!(self, Self::NotAsked { .. })
    }

    /// Whether two kernels did something else. Where the token does not open, it may be the same.
    pub fn differs(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unopened, Self::Kept { level } | Self::Copied { level })
            | (Self::Kept { level } | Self::Copied { level }, Self::Unopened) => *level != 0,
            (one, other) => one.asked() && other.asked() && one != other,
        }
    }

    /// Whether this decision would come to that. A refusal is one, whatever its status: profiles state none.
    pub fn agrees(&self, decision: &Decision) -> bool {
        match (self, decision.verdict) {
            (Self::Kept { level }, Verdict::Kept(said)) | (Self::Copied { level }, Verdict::Copied(said)) => {
                *level == said as u32
            }
            (Self::Unopened, Verdict::Kept(said) | Verdict::Copied(said)) => said == Level::Anonymous,
            (Self::Refused { .. }, Verdict::Refused(_)) => true,
            _ => false,
        }
    }
}

impl Display for Observation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept { level } => write!(f, "kept at {level}"),
            Self::Copied { level } => write!(f, "copied at {level}"),
            Self::Unopened => f.write_str("at 0, does not open"),
            Self::Refused { status } => write!(f, "refused: {status}"),
            Self::NotAsked { why } => write!(f, "not asked: {why}"),
        }
    }
}

/// A verdict in the same words.
pub(super) fn words(verdict: Verdict) -> String {
    match verdict {
        Verdict::Kept(level) => format!("kept at {}", level as u8),
        Verdict::Copied(level) => format!("copied at {}", level as u8),
        Verdict::Refused(_) => "refused".to_owned(),
    }
}
