//! An answer: what each profile decides of a question, and all that a person needs to judge it.

use crate::change::{Change, changes};
use crate::fact::Key;
use crate::judged::{Judged, LevelFrom};
use crate::notes::{Note, notes};
use crate::open::{OPEN_RULES, OpenRule};
use crate::part::Parting;
use crate::question::Question;
use crate::refusal::Side;
use crate::token::{Provenance, Stated, Token};
use crate::words;
use psimp_nt::{Level, TokenType};
use psimp_rules::{
    DOC, DOC_ANY, NT52, PEIOS, PEIOS_STRICT, PROFILES, Profile, UM, Verdict, W10, W10_RECENT, raises,
};
use std::fmt::Write as _;

/// The answer to a question.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The question.
    pub question: Question,
    /// The process's token, whole.
    pub process: Token,
    /// The token, whole.
    pub token: Token,
    /// What each profile decides, in the order of [`PROFILES`].
    pub judged: Vec<Judged>,
    /// What turns the verdict of the profile that the first line is about: at most two changes.
    pub changes: Vec<Change>,
    /// Where the profiles part, of those that are asked for by name, or without names of those of Windows.
    pub parting: Parting,
    /// What else there is to say.
    pub notes: Vec<Note>,
    /// Whether the question is about some profiles only.
    limited: bool,
}

/// The order in which profiles are the subject of the first line.
const SUBJECTS: [&Profile; 8] = [&W10, &W10_RECENT, &UM, &NT52, &DOC, &DOC_ANY, &PEIOS, &PEIOS_STRICT];

/// What every profile decides.
pub fn answer(question: &Question) -> Answer {
    answer_of(question, &[])
}

/// What these profiles decide; every profile, if there are none.
pub fn answer_of(question: &Question, profiles: &[&'static Profile]) -> Answer {
    let limited = !profiles.is_empty();
    let wanted = |profile: &Profile| !limited || profiles.iter().any(|other| other.name == profile.name);
    let judged: Vec<_> = PROFILES
        .into_iter()
        .filter(|profile| wanted(profile))
        .map(|profile| Judged::of(profile, question))
        .collect();
    let changes = subject(&judged).map_or_else(Vec::new, |judged| changes(judged.profile, question, judged));
    // A reading that nobody follows, and another system, say nothing of Windows.
    let part = |judged: &&Judged| {
        limited || ![DOC_ANY.name, PEIOS.name, PEIOS_STRICT.name].contains(&judged.profile.name)
    };
    let parting = Parting::of(judged.iter().filter(part));
    let (process, token) = (question.token(Side::Process), question.token(Side::Token));
    let notes = notes(question, &process, &token, &judged);
    Answer { question: question.clone(), process, token, judged, changes, parting, notes, limited }
}

/// The profile that the first line is about.
fn subject(judged: &[Judged]) -> Option<&Judged> {
    SUBJECTS.iter().find_map(|profile| judged.iter().find(|judged| judged.profile.name == profile.name))
}

impl Answer {
    /// The answer in one line: whose rule, what is stored, why, and what would change it.
    pub fn first_line(&self) -> String {
        let Some(subject) = subject(&self.judged) else { return String::new() };
        let mut line = self.sentence(subject);
        if let Some(change) = self.changes.first() {
            let kept = Verdict::Kept(Level::Impersonation) == change.decision.verdict;
            let verdict = if kept { "kept".to_owned() } else { words::verdict(change.decision.verdict) };
            let _ = write!(line, " {}: {verdict}.", capital(&change.with));
        }
        if subject.profile.name == W10.name {
            let recent = self.judged.iter().find(|judged| judged.profile.name == W10_RECENT.name);
            let other = |judged: &&Judged| judged.decision.verdict != subject.decision.verdict;
            if let Some(recent) = recent.filter(other) {
                let _ = write!(line, " {}", self.sentence(recent));
            }
        }
        line
    }

    /// The command that asks a question of the same profiles as this one.
    pub fn command(&self, question: &Question) -> String {
        let mut command = question.command();
        if self.limited {
            let names: Vec<_> = self.judged.iter().map(|judged| judged.profile.name).collect();
            // In double quotes, since PowerShell splits words at commas.
            let quote = if names.len() > 1 { "\"" } else { "" };
            let _ = write!(command, " --profile {quote}{}{quote}", names.join(","));
        }
        command
    }

    fn sentence(&self, judged: &Judged) -> String {
        let (subject, verdict, since) =
            (words::subject(judged.profile), judged.verdict(), self.since(judged));
        match &judged.open {
            None => format!("{subject}: {verdict}, since {since}."),
            Some(open) => format!(
                "{subject}: {verdict} where there is the rule on {}, since {since}; {} where there is {}. Which \
                 builds have {} is not established.",
                rules(&open.rules),
                words::verdict(open.decision.verdict),
                if open.rules.len() == 1 { "not" } else { "none of them" },
                if open.rules.len() == 1 { "it" } else { "them" }
            ),
        }
    }

    /// Why a profile decides as it does, such as `the users differ`.
    pub fn since(&self, judged: &Judged) -> String {
        words::since(judged.profile, judged.decision, &self.process, &self.token, judged.level)
    }

    /// What is taken for granted because something else is said.
    pub fn implied(&self) -> Vec<(Side, Stated)> {
        self.stated(|from| matches!(from, Provenance::Implied(_)))
    }

    /// What nobody said, and is as in the cases.
    pub fn defaults(&self) -> Vec<(Side, Stated)> {
        self.stated(|from| *from == Provenance::Default)
    }

    fn stated(&self, which: impl Fn(&Provenance) -> bool) -> Vec<(Side, Stated)> {
        let sides = [(Side::Process, &self.process), (Side::Token, &self.token)];
        let of = |(side, token): (Side, &Token)| {
            token
                .stated()
                .into_iter()
                .filter(|stated| which(&stated.from))
                .map(move |stated| (side, stated))
                .collect::<Vec<_>>()
        };
        sides.into_iter().flat_map(of).collect()
    }

    /// Rules whose builds are not established and that the answer depends on.
    pub fn open_rules(&self) -> Vec<&'static OpenRule> {
        let decides = |rule: &&OpenRule| {
            let open = self.judged.iter().filter_map(|judged| judged.open.as_ref());
            open.flat_map(|open| &open.rules).any(|other| other.rule == rule.rule)
        };
        OPEN_RULES.iter().filter(decides).collect()
    }

    /// psimp's driver does not pass on a level above the token's own.
    pub fn is_refused_by_driver(&self) -> bool {
        let asked = self.question.level();
        asked.is_some_and(|asked| raises(self.token.facts.token_type, self.token.facts.level, asked))
    }

    /// Which level was taken, and why.
    pub fn level_words(&self) -> String {
        let own = self.token.facts.level.name();
        match (self.question.level(), self.token.facts.token_type) {
            (None, TokenType::Impersonation) => format!(
                "{own}: the token's own, which user mode cannot choose (SetThreadToken, pipes); a driver can, with \
                 --level"
            ),
            (None, TokenType::Primary) => {
                "Impersonation, at which ImpersonateLoggedOnUser duplicates a primary \
                                           token; a driver chooses another with --level"
                    .to_owned()
            }
            (Some(asked), _) => {
                let capped = self.judged.iter().filter(|judged| judged.level_from == LevelFrom::Capped);
                let capped: Vec<_> = capped.map(|judged| judged.profile.name).collect();
                let asked = format!("{}: the one that a driver passes (PsImpersonateClient)", asked.name());
                if capped.is_empty() {
                    return asked;
                }
                format!(
                    "{asked}; by {} the caller cannot choose it, and it is the token's own, {own}",
                    capped.join(", ")
                )
            }
        }
    }

    /// The deciding rules and others that were tried, each with what it compares.
    pub fn compared(&self) -> Vec<(&'static str, String)> {
        let mut rules: Vec<_> =
            self.judged.iter().flat_map(|judged| &judged.steps).map(|step| step.rule).collect();
        rules.sort_by_key(|rule| *rule as u32);
        rules.dedup();
        // Profiles may have been asked for different levels; a question's own is the one that the driver passes.
        let asked = self.question.level().or_else(|| self.judged.first().map(|judged| judged.level));
        let asked = asked.unwrap_or(Level::Impersonation);
        let words = |rule| {
            Some((psimp_rules::Rule::name(rule), words::compared(rule, &self.process, &self.token, asked)?))
        };
        rules.into_iter().filter_map(words).collect()
    }
}

pub(crate) fn rules(rules: &[&OpenRule]) -> String {
    let names: Vec<_> = rules.iter().map(|rule| rule.about).collect();
    names.join(" or that on ")
}

pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Facts that no rule reads of that token, and those that are usually not so, are not worth a line.
pub(crate) fn is_worth_saying(side: Side, key: Key) -> bool {
    match side {
        Side::Process => {
            matches!(key, Key::User | Key::Logon | Key::Privilege | Key::Integrity | Key::Session)
        }
        Side::Token => matches!(
            key,
            Key::User | Key::Logon | Key::Level | Key::Recorded | Key::Origin | Key::Integrity | Key::Session
        ),
    }
}
