//! The result of a run of the catalogue.

use crate::configuration::{Rules, Target};
use psimp_rules::Kernel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// A pattern for the ids of cases.
pub(crate) const CASE_ID: &str = "^[A-Z][0-9]{2,}[a-z]?$";

/// A whole run.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// The psimp that ran the cases; unknown for a result of a version that did not write it.
    pub psimp: Option<Origin>,
    /// What the cases ran against.
    pub target: Target,
    /// Whether that was a rehearsal of the target, over the model of the kernel.
    pub rehearsed: bool,
    /// The kernel.
    pub kernel: Kernel,
    /// Rules mode.
    pub rules: Rules,
    /// The driver image that ran, if one did.
    pub image: Option<ImageInfo>,
    /// One result a case, in the order of the catalogue.
    pub cases: Vec<CaseResult>,
    /// Wall time of all cases.
    pub duration: Duration,
}

/// Which psimp a result comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "version and commit")]
pub struct Origin {
    /// Its version.
    pub version: String,
    /// The first 16 digits of the commit that it was built from; null if it was not built from a clone.
    #[schemars(regex(pattern = "^[0-9a-f]{16}$"))]
    pub commit: Option<String>,
}

impl Origin {
    /// This program.
    pub fn here() -> Self {
        let commit = option_env!("PSIMP_COMMIT").map(str::to_owned);
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), commit }
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let commit = self.commit.as_deref().map_or_else(String::new, |commit| format!(" ({commit})"));
        write!(f, "psimp {}{commit}", self.version)
    }
}

/// Which bytes ran.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "an image")]
pub struct ImageInfo {
    /// Where they were read from.
    pub path: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
}

/// The result of a case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// Catalogue id, such as `D13`.
    pub id: String,
    /// One line on what the case shows.
    pub title: String,
    /// Passed, failed or skipped.
    pub status: CaseStatus,
    /// Wall time.
    pub duration: Duration,
}

/// Passed, failed or skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseStatus {
    /// Every comparison held; a summary in words.
    Passed(String),
    /// At least one comparison did not hold.
    Failed(Vec<Mismatch>),
    /// The case cannot run on this target, for this reason.
    Skipped(String),
}

/// One comparison that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "a comparison")]
pub struct Mismatch {
    /// What was compared, and after which call.
    pub what: String,
    /// The literal of the catalogue.
    pub expected: String,
    /// The observed value.
    pub observed: String,
    /// Which rule decided, and whose, where one did.
    pub rule: Option<String>,
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "counts")]
pub struct Summary {
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
    /// Cases that could not run.
    pub skipped: usize,
    /// All of them.
    pub total: usize,
}

impl RunResult {
    /// The target, and whether it was rehearsed, in words.
    pub fn target_words(&self) -> String {
        let rehearsed = if self.rehearsed { " (rehearsed)" } else { "" };
        format!("{}{rehearsed}", self.target)
    }

    /// Counts the cases by status.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { total: self.cases.len(), ..Summary::default() };
        for case in &self.cases {
            match case.status {
                CaseStatus::Passed(_) => summary.passed += 1,
                CaseStatus::Failed(_) => summary.failed += 1,
                CaseStatus::Skipped(_) => summary.skipped += 1,
            }
        }
        summary
    }
}

/// The result of a case: a summary if every comparison held, else those that did not.
pub(crate) type Comparison = Result<String, Vec<Mismatch>>;

/// A comparison that did not hold.
pub(crate) fn mismatch(what: &str, expected: impl Into<String>, observed: impl Into<String>) -> Mismatch {
    Mismatch { what: what.to_owned(), expected: expected.into(), observed: observed.into(), rule: None }
}

/// Records a difference, if there is one; an empty expectation is not compared.
pub(crate) fn compare(differences: &mut Vec<Mismatch>, what: &str, expected: &str, observed: &str) {
    if !expected.is_empty() && expected != observed {
        differences.push(mismatch(what, expected, observed));
    }
}
