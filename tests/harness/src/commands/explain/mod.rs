//! `psimp explain`: what a case does, what is expected and what comes, for
//! every profile and kernel side by side; or what a person asks of the rules.

mod decision;
mod json;
mod question;
mod requests;
mod running;
mod script;
mod words;

use super::{Stop, say, say_json};
use crate::cli::{Exit, ExplainArgs, FilterArg, Rules, TextFormat};
use crate::driver::Source;
use crate::notation;
use crate::result::CaseStatus;
use crate::run::races;
use crate::run::{Setup, run_case};
pub(super) use json::Explanation;
use psimp_catalogue::{Body, Case};
use psimp_rules::Kernel;
use question::Answered;
use std::fmt::Write as _;

pub(super) fn explain(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let Some(id) = &args.case else {
        return question(args);
    };
    let Some(case) = psimp_catalogue::cases().into_iter().find(|c| c.id.eq_ignore_ascii_case(id.trim()))
    else {
        return Err(no_case(id).into());
    };
    let text = text(&case);
    let runs = runs(&case);
    match args.format {
        TextFormat::Table => {
            let mut told = format!(
                "{}  {}\n\n{text}\nOn the model, through the driver's service\n",
                case.id, case.title
            );
            for run in &runs {
                let _ = writeln!(told, "  {:<12} {:<12} {}", run.kernel, run.rules, run.observed);
            }
            say(told)
        }
        TextFormat::Json => {
            say_json(&Explanation::Case(json::Case { id: case.id, title: case.title, text, runs }))
        }
    }?;
    Ok(Exit::Passed)
}

/// There is none of this id.
fn no_case(id: &str) -> Stop {
    let one = |word: &str| {
        let mut cases = psimp_catalogue::cases().into_iter();
        cases.any(|case| case.id.eq_ignore_ascii_case(word))
    };
    let words: Vec<_> = id.split([',', ';', ' ']).filter(|word| !word.is_empty()).collect();
    let filter = FilterArg { filters: vec![id.to_owned()] };
    let some = psimp_catalogue::cases().iter().any(|case| filter.matches(case.id, &case.title));
    Stop::usage(if words.is_empty() {
        "the id of a case is missing; `psimp list` names them all".to_owned()
    } else if words.len() > 1 && words.iter().all(|word| one(word)) {
        format!("{id} are several cases; write `psimp explain {}`, and each other one alone", words[0])
    } else if some {
        let quoted =
            if id.trim().contains(' ') { format!("\"{}\"", id.trim()) } else { id.trim().to_owned() };
        format!("there is no case {id}; `psimp list --filter {quoted}` names those that it may mean")
    } else {
        format!("there is no case {id}; `psimp list` names them all")
    })
}

/// Answers a person's own question.
fn question(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let answered = Answered::of(args)?;
    match args.format {
        TextFormat::Table => say(answered.text()),
        TextFormat::Json => say_json(&Explanation::Question(Box::new(answered.json()))),
    }?;
    Ok(Exit::Passed)
}

/// What the case does, what is expected, for a decision the rules tried, and what its tokens are.
pub(super) fn text(case: &Case) -> String {
    let text = body(case);
    let legend = notation::legend(&format!("{} {text}", case.title));
    text + &legend
}

fn body(case: &Case) -> String {
    match case.body {
        Body::Decision(row) => decision::text(row),
        Body::Script(row) => script::script(row),
        Body::Requests(row) => requests::requests(row),
        Body::Race(race) => races::explain(race),
        Body::Pipe(pipe) => script::pipe(pipe),
        Body::Needs(what) => format!("Cannot be carried out here: {what}\n"),
    }
}

/// The case on every kernel, in both rules modes.
fn runs(case: &Case) -> Vec<json::Run> {
    let mut runs = Vec::new();
    for &kernel in Kernel::ALL {
        for rules in [Rules::Documented, Rules::Kernel] {
            let setup = Setup { source: Source::Service, kernel, rules: rules.mode() };
            let observed = match run_case(&setup, case).status {
                CaseStatus::Passed(words) if words.is_empty() => "as expected".to_owned(),
                CaseStatus::Passed(words) => format!("as expected: {}", notation::observed(&words)),
                CaseStatus::Skipped(reason) => format!("skipped: {reason}"),
                CaseStatus::Failed(mismatches) => {
                    let all: Vec<_> = mismatches
                        .iter()
                        .map(|m| format!("{}: expected {}, observed {}", m.what, m.expected, m.observed))
                        .collect();
                    format!("NOT as expected: {}", notation::observed(&all.join("; ")))
                }
            };
            runs.push(json::Run { kernel: kernel.name(), rules, observed });
        }
    }
    runs
}
