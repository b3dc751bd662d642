//! What one profile decides of a question.

use crate::open::{OPEN_RULES, OpenRule, silenced};
use crate::question::Question;
use crate::refusal::Side;
use crate::token::Token;
use crate::words;
use psimp_nt::{Level, TokenType};
use psimp_rules::{Decision, PEIOS, PEIOS_STRICT, Profile, Step, UM, Verdict, decide_traced};

/// Why a profile was asked for this level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelFrom {
    /// The question has it: a driver passes it to `PsImpersonateClient`.
    Asked,
    /// It is the token's own, which a user-mode caller cannot choose.
    Own,
    /// The question has a higher one, but by this profile the caller does not choose it: it is the token's own.
    Capped,
    /// A primary token has none: it is Impersonation, at which `ImpersonateLoggedOnUser` duplicates one.
    OfPrimary,
}

/// What one profile decides.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The profile.
    pub profile: &'static Profile,
    /// The level that it was asked for.
    pub level: Level,
    /// Why that level.
    pub level_from: LevelFrom,
    /// What it decides.
    pub decision: Decision,
    /// The rules in the order in which they were tried.
    pub steps: Vec<Step>,
    /// What the decision is where rules do not exist whose builds are not established; nothing, if it is the same.
    pub open: Option<Open>,
}

/// The other decision of a profile, by builds without some rules.
#[derive(Clone, Debug)]
pub struct Open {
    /// Those rules.
    pub rules: Vec<&'static OpenRule>,
    /// The decision of builds that have none of them.
    pub decision: Decision,
}

impl Judged {
    pub(crate) fn of(profile: &'static Profile, question: &Question) -> Self {
        let (process, token) = (question.token(Side::Process), question.token(Side::Token));
        let (level, level_from) = level(profile, question.level(), &token);
        let mut steps = Vec::new();
        let decision =
            decide_traced(profile, Some(&process.facts), &token.facts, level, |step| steps.push(step));
        // Rule after rule, until one decides that is established.
        let (mut rules, mut facts, mut other): (Vec<&OpenRule>, _, _) = (Vec::new(), token.facts, decision);
        while let Some(open) = OPEN_RULES
            .iter()
            .find(|open| open.rule == other.rule && !rules.iter().any(|rule| rule.rule == other.rule))
        {
            rules.push(open);
            facts = silenced(open.rule, &process.facts, &facts);
            other = psimp_rules::decide(profile, Some(&process.facts), &facts, level);
        }
        let open = (other.verdict != decision.verdict).then_some(Open { rules, decision: other });
        Self { profile, level, level_from, decision, steps, open }
    }

    /// Whether all builds decide the same, as far as is known.
    pub fn is_settled(&self) -> bool {
        self.open.is_none()
    }

    /// Whether the thread can act as the client then.
    pub fn is_usable(&self) -> bool {
        matches!(self.decision.verdict, Verdict::Kept(level) if level >= Level::Impersonation)
    }

    /// The rules that were tried, each with what it said, such as `user SID denies`.
    pub fn tried(&self) -> Vec<String> {
        self.steps.iter().map(words::step).collect()
    }

    /// What is stored, in words, such as `a copy at Identification`.
    pub fn verdict(&self) -> String {
        words::verdict(self.decision.verdict)
    }
}

/// Whether the caller chooses the level, by this profile.
fn chooses(profile: &Profile) -> bool {
    ![UM.name, PEIOS.name, PEIOS_STRICT.name].contains(&profile.name)
}

fn level(profile: &Profile, asked: Option<Level>, token: &Token) -> (Level, LevelFrom) {
    match (asked, token.facts.token_type) {
        (None, TokenType::Primary) => (Level::Impersonation, LevelFrom::OfPrimary),
        (None, TokenType::Impersonation) => (token.facts.level, LevelFrom::Own),
        (Some(asked), TokenType::Impersonation) if !chooses(profile) && asked > token.facts.level => {
            (token.facts.level, LevelFrom::Capped)
        }
        (Some(asked), _) => (asked, LevelFrom::Asked),
    }
}
