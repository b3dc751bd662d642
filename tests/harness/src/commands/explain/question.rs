//! A person's own question: two tokens and a level, judged in every profile.

use super::decision::{REFUSED, Tried, compared, describe};
use super::divergence::Divergence;
use super::json;
use crate::cli::TokenSpec;
use crate::show::view::type_name;
use psimp_nt::Level;
use psimp_rules::{Effect, PROFILES, Profile, TokenFacts, Verdict, raises};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What is asked.
pub(super) struct Question {
    server: TokenFacts,
    token: TokenFacts,
    asked: Level,
}

impl Question {
    pub(super) fn new(process: Option<&TokenSpec>, token: Option<&TokenSpec>, level: Option<Level>) -> Self {
        let server = process.cloned().unwrap_or_default().server();
        let token = token.cloned().unwrap_or_default().client(&server);
        Self { server, token, asked: level.unwrap_or(Level::Impersonation) }
    }

    /// Each profile with what it decides.
    fn answers(&self) -> Vec<(&'static Profile, Tried)> {
        let of = |profile| (profile, Tried::of(profile, &self.server, &self.token, self.asked));
        PROFILES.into_iter().map(of).collect()
    }

    /// The driver takes no level above that of the token.
    fn is_refused(&self) -> bool {
        raises(self.token.token_type, self.token.level, self.asked)
    }

    pub(super) fn text(&self) -> String {
        let Self { server, token, asked } = self;
        let mut text = String::new();
        let _ = writeln!(text, "Setup\n  process  {}\n  token    {}", describe(server), describe(token));
        let _ = writeln!(
            text,
            "Call\n  PsImpersonateClient(thread, token, CopyOnOpen FALSE, EffectiveOnly FALSE, level {})",
            *asked as u8
        );
        if self.is_refused() {
            text.push_str(REFUSED);
        }
        let _ = writeln!(text, "Rules (K2: the token is kept, at level 2; C1: a copy at level 1)");
        let answers = self.answers();
        let mut rules = BTreeSet::new();
        for (profile, tried) in &answers {
            rules.extend(tried.steps.iter().map(|step| step.rule as u32));
            let _ = writeln!(text, "  {:<12} {tried}", profile.name);
        }
        text.push_str(&compared(rules, server, token, *asked));
        let _ = write!(text, "{}", Divergence::of(&answers));
        text
    }

    pub(super) fn json(&self) -> json::Question {
        let answers = self.answers();
        json::Question {
            process: facts(&self.server),
            token: facts(&self.token),
            level: self.asked as u8,
            refused_by_driver: self.is_refused(),
            profiles: answers.iter().map(|(profile, tried)| answer(profile, tried)).collect(),
            parting: Divergence::of(&answers).json(),
            text: self.text(),
        }
    }
}

fn answer(profile: &Profile, tried: &Tried) -> json::Answer {
    let (verdict, level) = match tried.decision.verdict {
        Verdict::Kept(level) => ("kept", Some(level as u8)),
        Verdict::Copied(level) => ("copied", Some(level as u8)),
        Verdict::Refused(_) => ("refused", None),
    };
    let effect = |effect| match effect {
        Effect::Pass => "passes",
        Effect::Keep => "keeps",
        Effect::Deny => "denies",
    };
    let step = |step: &psimp_rules::Step| json::Step { rule: step.rule.name(), effect: effect(step.effect) };
    json::Answer {
        profile: profile.name,
        describes: profile.describes,
        decided: tried.decided(),
        verdict,
        level,
        rule: tried.decision.rule.name(),
        tried: tried.steps.iter().map(step).collect(),
    }
}

fn facts(facts: &TokenFacts) -> json::Facts {
    let platform = &facts.platform;
    json::Facts {
        user: facts.user.to_string(),
        logon: facts.authentication_id.0,
        token_type: type_name(facts.token_type),
        level: facts.level as u8,
        restriction: format!("{:?}", facts.restriction),
        impersonate_privilege: platform.impersonate_privilege,
        origin: platform.origin.0,
        integrity: platform.integrity,
        elevated: platform.elevated,
        filtered: platform.filtered_logon,
        package: platform.package.map(|package| package.id),
        parent: platform.package.and_then(|package| package.parent),
        session: platform.session,
    }
}
