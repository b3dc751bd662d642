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
    /// The level asked for (`SECURITY_IMPERSONATION_LEVEL`).
    #[schemars(range(max = 3))]
    pub(super) level: u8,
    /// The level is above the token's own, so the driver does not pass it on.
    pub(super) refused_by_driver: bool,
    #[schemars(length(min = 1))]
    pub(super) profiles: Vec<Answer>,
    /// Null where all profiles decide the same by the same rule.
    pub(super) parting: Option<Parting>,
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
