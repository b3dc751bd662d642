//! `psimp explain`: what a case does, what is expected and what comes, for
//! every profile and kernel side by side; or what a person asks of the rules.

mod decision;
mod divergence;
mod question;
mod requests;
mod script;
mod words;

use super::say;
use crate::cli::{Exit, ExplainArgs, TextFormat};
use crate::driver::Source;
use crate::result::CaseStatus;
use crate::run::races;
use crate::run::{Setup, run_case};
use psimp_catalogue::{Body, Case};
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;
use question::Question;
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) fn explain(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let Some(id) = &args.case else {
        let question = Question::new(args.process.as_ref(), args.token.as_ref(), args.level);
        say(match args.format {
            TextFormat::Table => question.text(),
            TextFormat::Json => format!("{}\n", question.json()),
        })?;
        return Ok(Exit::Passed);
    };
    let Some(case) = psimp_catalogue::cases().into_iter().find(|c| c.id.eq_ignore_ascii_case(id)) else {
        eprintln!("psimp: there is no case {id}; `psimp list` names them all");
        return Ok(Exit::Usage);
    };
    let text = text(&case);
    let runs = runs(&case);
    say(match args.format {
        TextFormat::Table => {
            let mut told = format!(
                "{}  {}\n\n{text}\nOn the model, through the driver's service\n",
                case.id, case.title
            );
            for run in &runs {
                let _ = writeln!(
                    told,
                    "  {:<12} {:<12} {}",
                    run["kernel"].as_str().unwrap_or_default(),
                    run["rules"].as_str().unwrap_or_default(),
                    run["observed"].as_str().unwrap_or_default()
                );
            }
            told
        }
        TextFormat::Json => {
            format!("{}\n", json!({"id": case.id, "title": case.title, "text": text, "runs": runs}))
        }
    })?;
    Ok(Exit::Passed)
}

/// What the case does, what is expected, and for a decision the rules tried.
pub(super) fn text(case: &Case) -> String {
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
fn runs(case: &Case) -> Vec<Value> {
    let mut runs = Vec::new();
    for &kernel in Kernel::ALL {
        for (rules, name) in [(RulesMode::Documented, "documented"), (RulesMode::Kernel, "kernel")] {
            let setup = Setup { source: Source::Service, kernel, rules };
            let observed = match run_case(&setup, case).status {
                CaseStatus::Passed(words) if words.is_empty() => "as expected".to_owned(),
                CaseStatus::Passed(words) => format!("as expected: {words}"),
                CaseStatus::Skipped(reason) => format!("skipped: {reason}"),
                CaseStatus::Failed(mismatches) => {
                    let all: Vec<_> = mismatches
                        .iter()
                        .map(|m| format!("{}: expected {}, observed {}", m.what, m.expected, m.observed))
                        .collect();
                    format!("NOT as expected: {}", all.join("; "))
                }
            };
            runs.push(json!({"kernel": kernel.to_string(), "rules": name, "observed": observed}));
        }
    }
    runs
}
