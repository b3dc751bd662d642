//! `psimp explain`: what a case does, what is expected and what comes, for
//! every profile and kernel side by side.

mod decision;
mod steps;
mod words;

use super::run::flavour;
use crate::cli::{Exit, ExplainArgs, Kernel, TextFormat};
use crate::driver::Source;
use crate::races;
use crate::result::CaseStatus;
use crate::run::{Target, run_case};
use clap::ValueEnum;
use psimp_catalogue::{Body, Case};
use psimp_protocol::RulesMode;
use serde_json::{Value, json};

pub(super) fn explain(args: &ExplainArgs) -> Exit {
    let Some(case) = psimp_catalogue::cases().into_iter().find(|c| c.id.eq_ignore_ascii_case(&args.case))
    else {
        eprintln!("psimp: there is no case {}; `psimp list` names them all", args.case);
        return Exit::Usage;
    };
    let text = text(&case);
    let runs = runs(&case);
    match args.format {
        TextFormat::Table => {
            println!("{}  {}\n\n{text}\nOn the model, through the driver's service", case.id, case.title);
            for run in &runs {
                println!(
                    "  {:<12} {:<12} {}",
                    run["kernel"].as_str().unwrap_or_default(),
                    run["rules"].as_str().unwrap_or_default(),
                    run["observed"].as_str().unwrap_or_default()
                );
            }
        }
        TextFormat::Json => {
            println!("{}", json!({"id": case.id, "title": case.title, "text": text, "runs": runs}));
        }
    }
    Exit::Passed
}

/// What the case does, what is expected, and for a decision the rules tried.
pub(super) fn text(case: &Case) -> String {
    match case.body {
        Body::Decision(row) => decision::text(row),
        Body::Script(row) => steps::script(row),
        Body::Requests(row) => steps::requests(row),
        Body::Race(race) => races::explain(race),
        Body::Pipe(pipe) => steps::pipe(pipe),
        Body::Needs(what) => format!("Cannot be carried out here: {what}\n"),
    }
}

/// The case on every kernel flavour, in both rules modes.
fn runs(case: &Case) -> Vec<Value> {
    let mut runs = Vec::new();
    for kernel in Kernel::value_variants() {
        for (rules, name) in [(RulesMode::Documented, "documented"), (RulesMode::Kernel, "kernel")] {
            let target = Target { source: Source::Service, flavour: flavour(*kernel), rules };
            let observed = match run_case(&target, case).status {
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

/// The kernels that the decisions have values for.
fn kernels() -> impl Iterator<Item = &'static Kernel> {
    Kernel::value_variants().iter().filter(|kernel| **kernel != Kernel::Peios)
}
