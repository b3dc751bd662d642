//! A person's own question: two tokens and a level, judged in every profile.

use super::json;
use super::running::{self, Read};
use crate::cli::{ExplainArgs, TokenArg};
use crate::commands::stop::Stop;
use crate::show::view::type_name;
use psimp_explain::{Answer, Change, Judged, LevelFrom, Note, Question, Said, Side, Stated, answer_of};
use psimp_rules::{Effect, Kernel, PROFILES, Profile, TokenFacts, Verdict, W10, W10_RECENT};
use std::fmt::Write as _;

/// A question and its answer.
pub(super) struct Answered {
    answer: Answer,
    /// The tokens that were read.
    read: Vec<(Side, Read)>,
}

impl Answered {
    pub(super) fn of(args: &ExplainArgs) -> Result<Self, Stop> {
        let mut read = Vec::new();
        let mut said = |side: Side, arg: Option<&TokenArg>| {
            let arg = arg.cloned().unwrap_or_default();
            let Some(running) = arg.running else { return Ok::<_, Stop>(arg.said) };
            let mut token = running::read(side, running)?;
            token.missing.retain(|name| !is_said(&arg.said, name));
            let said = arg.said.over_read(&token.said);
            read.push((side, token));
            Ok(said)
        };
        let (process, token) =
            (said(Side::Process, args.process.as_ref())?, said(Side::Token, args.token.as_ref())?);
        let question =
            Question::new(process, token, args.level).map_err(|refusal| Stop::usage(refusal.to_string()))?;
        Ok(Self { answer: answer_of(&question, &profiles(args)), read })
    }

    pub(super) fn text(&self) -> String {
        let text = self.answer.text();
        if self.read.is_empty() {
            return text;
        }
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let mut text = format!("{first}\n\nWhat was read\n");
        for (side, read) in &self.read {
            let _ = write!(text, "  {:<9} {}", side.option(), read.of);
            if !read.missing.is_empty() {
                let _ = write!(text, "; not read: {}", read.missing.join(", "));
            }
            text.push('\n');
        }
        text + rest
    }

    pub(super) fn json(&self) -> json::Question {
        let answer = &self.answer;
        let level = answer.question.level().or_else(|| answer.judged.first().map(|judged| judged.level));
        json::Question {
            process: facts(&answer.process.facts),
            token: facts(&answer.token.facts),
            level: level.map_or(2, |level| level as u8),
            refused_by_driver: answer.is_refused_by_driver(),
            profiles: answer.judged.iter().map(|judged| self::judged(answer, judged)).collect(),
            parting: parting(answer),
            answer: answer.first_line(),
            command: answer.command(&answer.question),
            level_taken: answer.level_words(),
            implied: answer.implied().into_iter().map(implied).collect(),
            changes: answer.changes.iter().map(|change| self::change(answer, change)).collect(),
            not_established: answer.open_rules().into_iter().map(open).collect(),
            notes: answer.notes.iter().map(|Note(note)| note.clone()).collect(),
            not_read: self
                .read
                .iter()
                .flat_map(|(side, read)| {
                    read.missing.iter().map(|missing| format!("{}: {missing}", side.option()))
                })
                .collect(),
            text: self.text(),
        }
    }
}

fn is_said(said: &Said, name: &str) -> bool {
    psimp_explain::facts().iter().any(|fact| fact.name == name && said.written(fact.key).is_some())
}

/// The profiles that are asked for; none, if all are.
fn profiles(args: &ExplainArgs) -> Vec<&'static Profile> {
    let of_kernels = |profile: &Profile| {
        args.kernels.iter().any(|kernel| {
            kernel.profile().name == profile.name
                || *kernel == Kernel::Win10 && profile.name == W10_RECENT.name
        })
    };
    let asked = |profile: &Profile| args.profiles.iter().any(|asked| asked.name == profile.name);
    debug_assert_eq!(Kernel::Win10.profile().name, W10.name);
    PROFILES.into_iter().filter(|profile| asked(profile) || of_kernels(profile)).collect()
}

fn judged(answer: &Answer, judged: &Judged) -> json::Answer {
    let (verdict, level) = match judged.decision.verdict {
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
        profile: judged.profile.name,
        describes: judged.profile.describes,
        decided: decided(judged.decision.verdict),
        verdict,
        level,
        rule: judged.decision.rule.name(),
        words: judged.verdict(),
        since: answer.since(judged),
        asked: judged.level as u8,
        level_from: match judged.level_from {
            LevelFrom::Asked => "asked",
            LevelFrom::Own => "own",
            LevelFrom::Capped => "capped",
            LevelFrom::OfPrimary => "primary",
        },
        settled: judged.is_settled(),
        tried: judged.steps.iter().map(step).collect(),
    }
}

/// The verdict in brief.
fn decided(verdict: Verdict) -> String {
    match verdict {
        Verdict::Kept(level) => format!("K{}", level as u8),
        Verdict::Copied(level) => format!("C{}", level as u8),
        Verdict::Refused(why) => format!("{why:?}"),
    }
}

/// Nothing where profiles part nowhere.
fn parting(answer: &Answer) -> Option<json::Parting> {
    let parting = &answer.parting;
    let names = |list: &[(&'static str, Verdict)]| list.iter().map(|(name, _)| *name).collect();
    parting.is_any().then(|| json::Parting {
        rule: parting.rule.name(),
        decides: names(&parting.decides),
        goes_on: names(&parting.goes_on),
        same_decision: parting.common().is_some(),
    })
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Process => "process",
        Side::Token => "token",
    }
}

fn implied((of, stated): (Side, Stated)) -> json::Implied {
    let by = match stated.from {
        psimp_explain::Provenance::Implied(by) => by,
        psimp_explain::Provenance::Given | psimp_explain::Provenance::Default => String::new(),
    };
    json::Implied { of: side(of), fact: stated.text, by }
}

fn change(answer: &Answer, change: &Change) -> json::Change {
    json::Change {
        with: change.with.clone(),
        decided: psimp_explain::words::verdict(change.decision.verdict),
        command: answer.command(&change.question),
    }
}

fn open(rule: &psimp_explain::OpenRule) -> json::Open {
    json::Open { rule: rule.rule.name(), reports: rule.reports }
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
