//! What `psimp explain --format json` writes.

use schemars::JsonSchema;
use serde::Serialize;

use crate::configuration::{Rules, kernel_names};
use crate::result::CASE_ID;

/// A case, or a question about two tokens.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::commands) enum Explanation {
    Case(Case),
    Question(Box<Question>),
}

#[derive(Serialize, JsonSchema)]
pub(in crate::commands) struct Case {
    /// Id of the case.
    #[schemars(regex(pattern = CASE_ID))]
    pub(super) id: &'static str,
    /// One line on what the case shows.
    pub(super) title: String,
    /// What it does, for people.
    pub(super) text: String,
    pub(super) runs: Vec<Run>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Run {
    /// The simulated kernel.
    #[schemars(extend("enum" = kernel_names()))]
    pub(super) kernel: &'static str,
    pub(super) rules: Rules,
    /// What is observed on the model.
    pub(super) observed: String,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::commands) struct Question {
    pub(super) process: Facts,
    pub(super) token: Facts,
    /// The level asked for (`SECURITY_IMPERSONATION_LEVEL`): that of the question, or the token's own.
    #[schemars(range(max = 3))]
    pub(super) level: u8,
    /// The level is above the token's own, so the driver does not pass it on.
    pub(super) refused_by_driver: bool,
    #[schemars(length(min = 1))]
    pub(super) profiles: Vec<Answer>,
    /// Where the profiles part that were asked for, or those of Windows. Null where all of these decide the same by
    /// the same rule.
    pub(super) parting: Option<Parting>,
    /// The answer in one line.
    pub(super) answer: String,
    /// The command that asks this question.
    pub(super) command: String,
    /// Which level was taken, and why.
    pub(super) level_taken: String,
    /// What is taken for granted because something else is said.
    pub(super) implied: Vec<Implied>,
    /// The smallest changes that turn the verdict of the first line, found by trying.
    #[schemars(length(max = 2))]
    pub(super) changes: Vec<Change>,
    /// Rules on which the answer depends and whose builds are not established.
    pub(super) not_established: Vec<Open>,
    /// What else there is to say.
    pub(super) notes: Vec<String>,
    /// What could not be read of the tokens that run.
    pub(super) not_read: Vec<String>,
    /// The same for people.
    pub(super) text: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Facts {
    /// SID.
    pub(super) user: String,
    /// Logon session (authentication id).
    pub(super) logon: u64,
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["primary", "impersonation"]))]
    pub(super) token_type: &'static str,
    /// `SECURITY_IMPERSONATION_LEVEL`.
    #[schemars(range(max = 3))]
    pub(super) level: u8,
    #[schemars(extend("enum" = ["None", "Restricted", "WriteRestricted"]))]
    pub(super) restriction: String,
    /// `SeImpersonatePrivilege` is there and enabled.
    pub(super) impersonate_privilege: bool,
    /// Logon session that logged the user on.
    pub(super) origin: u64,
    /// RID of the mandatory level.
    pub(super) integrity: u32,
    pub(super) elevated: bool,
    /// The logon session is the filtered one of two.
    pub(super) filtered: bool,
    /// `AppContainer` package.
    pub(super) package: Option<u32>,
    /// The package that it is a child of.
    pub(super) parent: Option<u32>,
    /// Terminal services session.
    pub(super) session: u32,
}

/// The decision of one profile.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Name of the profile.
    pub(super) profile: &'static str,
    /// Whose rule it is.
    pub(super) describes: &'static str,
    /// The decision in brief, such as K2 (kept at level 2), C1 (a copy at level 1) or the refusal.
    pub(super) decided: String,
    #[schemars(extend("enum" = ["kept", "copied", "refused"]))]
    pub(super) verdict: &'static str,
    /// The stored level, null if nothing is stored.
    #[schemars(range(max = 3))]
    pub(super) level: Option<u8>,
    /// The rule that decided.
    pub(super) rule: &'static str,
    /// The verdict in words.
    pub(super) words: String,
    /// Its reason.
    pub(super) since: String,
    /// The level that this profile was asked for.
    #[schemars(range(max = 3))]
    pub(super) asked: u8,
    /// Why that one: the question has it; it is the token's own; it is the token's own although the question has a
    /// higher one; it is Impersonation for a primary token.
    #[schemars(extend("enum" = ["asked", "own", "capped", "primary"]))]
    pub(super) level_from: &'static str,
    /// Whether all builds decide the same, as far as is known.
    pub(super) settled: bool,
    /// The rules in the order in which they were tried.
    #[schemars(length(min = 1))]
    pub(super) tried: Vec<Step>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Step {
    /// Name of the rule.
    pub(super) rule: &'static str,
    #[schemars(extend("enum" = ["passes", "keeps", "denies"]))]
    pub(super) effect: &'static str,
}

/// A fact that something else implies.
#[derive(Serialize, JsonSchema)]
pub(super) struct Implied {
    #[schemars(extend("enum" = ["process", "token"]))]
    pub(super) of: &'static str,
    /// As it can be said.
    pub(super) fact: String,
    /// What is said and implies it.
    pub(super) by: String,
}

/// A change that turns the verdict.
#[derive(Serialize, JsonSchema)]
pub(super) struct Change {
    /// What differs.
    pub(super) with: String,
    /// What is decided then, in words.
    pub(super) decided: String,
    /// The command that asks that.
    pub(super) command: String,
}

/// A rule whose builds are not established.
#[derive(Serialize, JsonSchema)]
pub(super) struct Open {
    pub(super) rule: &'static str,
    /// What public reports say of it.
    pub(super) reports: &'static str,
}

/// Where profiles part.
#[derive(Serialize, JsonSchema)]
pub(super) struct Parting {
    /// The first rule on which the profiles part.
    pub(super) rule: &'static str,
    /// Profiles that it decides for.
    pub(super) decides: Vec<&'static str>,
    /// Profiles that go on to further rules.
    pub(super) goes_on: Vec<&'static str>,
    /// All profiles decide the same in the end.
    pub(super) same_decision: bool,
}
