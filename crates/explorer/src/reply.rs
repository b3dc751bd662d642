//! The answer to a question, in the parts that the page shows.

use psimp_explain::words::verdict;
use psimp_explain::{Answer, Fact, Judged, LevelFrom, Provenance, Question, Side, Stated, answer, facts};
use psimp_nt::Level;
use psimp_rules::{Verdict, decide};
use serde::Serialize;

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    Answered(Box<Answered>),
    /// The question cannot be answered, and why.
    Refused {
        error: String,
    },
}

#[derive(Serialize)]
pub(crate) struct Answered {
    /// The answer in a line.
    first: String,
    /// The command that asks the same.
    command: String,
    process: Vec<Shown>,
    token: Vec<Shown>,
    level: String,
    /// Which level was taken, and why.
    level_about: String,
    /// In the order of the form's profiles.
    profiles: Vec<Row>,
    sections: Vec<Section>,
}

/// A fact, in the order of the facts.
#[derive(Serialize)]
struct Shown {
    name: &'static str,
    /// Its value, if it is said.
    given: Option<String>,
    /// What it is where nobody says it.
    unsaid: String,
}

#[derive(Serialize)]
struct Row {
    verdict: &'static str,
    decided: String,
    rule: &'static str,
    since: String,
    tried: Vec<String>,
    /// The decision for the level of the question, where this profile's callers cannot choose it.
    asked: Option<Asked>,
    /// The decision without the rules whose builds are not established.
    open: Option<String>,
}

#[derive(Serialize)]
struct Asked {
    level: &'static str,
    decided: String,
    rule: &'static str,
}

#[derive(Serialize)]
struct Section {
    title: &'static str,
    /// Whether it is closed at first.
    folded: bool,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    text: String,
    /// The question that it is about, for a link.
    question: Option<Said>,
}

/// A question as the page's address has it.
#[derive(Serialize)]
struct Said {
    process: String,
    token: String,
    level: String,
}

impl Reply {
    pub(crate) fn new(process: &str, token: &str, level: &str) -> Self {
        match Question::parse(process, token, (!level.is_empty()).then_some(level)) {
            Ok(question) => Self::Answered(Box::new(answered(&answer(&question)))),
            Err(refusal) => Self::Refused { error: refusal.to_string() },
        }
    }
}

fn answered(answer: &Answer) -> Answered {
    let said = Said::of(&answer.question);
    Answered {
        first: answer.first_line(),
        command: answer.command(&answer.question),
        process: shown(answer, Side::Process),
        token: shown(answer, Side::Token),
        level: said.level,
        level_about: answer.level_words(),
        profiles: answer.judged.iter().map(|judged| row(answer, judged)).collect(),
        sections: sections(answer),
    }
}

impl Said {
    fn of(question: &Question) -> Self {
        let level = question.level().map_or_else(String::new, |level| level.name().to_lowercase());
        let said = |side| question.said(side).to_string();
        Self { process: said(Side::Process), token: said(Side::Token), level }
    }
}

fn shown(answer: &Answer, side: Side) -> Vec<Shown> {
    let said = answer.question.said(side);
    let stated = if side == Side::Process { answer.process.stated() } else { answer.token.stated() };
    let one = |fact: &'static Fact| {
        let given = said.written(fact.key).map(|text| value(&text).to_owned());
        let stated = stated.iter().find(|stated| stated.key == fact.key);
        let is = stated.map_or("none", |stated| value(&stated.text));
        let unsaid = match stated.map(|stated| &stated.from) {
            Some(Provenance::Given) => "usual".to_owned(),
            Some(Provenance::Implied(by)) => format!("{is} (by {by})"),
            Some(Provenance::Default) | None => format!("{is} (usual)"),
        };
        Shown { name: fact.name, given, unsaid }
    };
    facts().iter().map(one).collect()
}

/// The value of a fact as it is written; one that is written alone is so.
fn value(text: &str) -> &str {
    text.split_once('=').map_or("yes", |(_, value)| value)
}

fn row(answer: &Answer, judged: &Judged) -> Row {
    let kind = match judged.decision.verdict {
        Verdict::Kept(_) => "kept",
        Verdict::Copied(_) => "copied",
        Verdict::Refused(_) => "refused",
    };
    let capped = answer.question.level().filter(|_| judged.level_from == LevelFrom::Capped);
    let asked = |level: Level| {
        let decision = decide(judged.profile, Some(&answer.process.facts), &answer.token.facts, level);
        Asked { level: level.name(), decided: verdict(decision.verdict), rule: decision.rule.name() }
    };
    Row {
        verdict: kind,
        decided: judged.verdict(),
        rule: judged.decision.rule.name(),
        since: answer.since(judged),
        tried: judged.tried(),
        asked: capped.map(asked),
        open: judged.open.as_ref().map(|open| verdict(open.decision.verdict)),
    }
}

/// The section that most do not need.
const COMPARED: &str = "What these rules compare";

fn sections(answer: &Answer) -> Vec<Section> {
    let plain = |text: String| Item { text, question: None };
    let change = |change: &psimp_explain::Change| {
        let verdict = verdict(change.decision.verdict);
        Item { text: format!("{}: {verdict}", change.with), question: Some(Said::of(&change.question)) }
    };
    let implied = |(side, Stated { text, from, .. }): (Side, Stated)| match from {
        Provenance::Implied(by) => plain(format!("{}: {text}, by {by}", side.name())),
        Provenance::Given | Provenance::Default => plain(format!("{}: {text}", side.name())),
    };
    let sections = [
        ("What would change it", answer.changes.iter().map(change).collect()),
        ("To know", answer.notes.iter().map(|note| plain(note.0.clone())).collect()),
        ("Taken for granted", answer.implied().into_iter().map(implied).collect()),
        (
            COMPARED,
            answer.compared().into_iter().map(|(rule, words)| plain(format!("{rule}: {words}"))).collect(),
        ),
        (
            "What is not established",
            answer
                .open_rules()
                .iter()
                .map(|open| plain(format!("{}: {}", open.rule.name(), open.reports)))
                .collect(),
        ),
    ];
    let some = |(title, items): (&'static str, Vec<Item>)| {
        let folded = title == COMPARED;
        (!items.is_empty()).then_some(Section { title, folded, items })
    };
    sections.into_iter().filter_map(some).collect()
}
