//! `psimp explain`: what a case does, what is expected and what comes, for
//! every profile and kernel side by side.

use super::run::flavour;
use crate::cli::{Exit, ExplainArgs, Kernel, TextFormat};
use crate::driver::Source;
use crate::machine::Machine;
use crate::races;
use crate::result::CaseStatus;
use crate::run::{Target, expected_state, expected_through_driver, run_case};
use clap::ValueEnum;
use psimp_catalogue::{Body, ByKernel, Case, Column, DecisionRow, Driver, Requests, Script, State, Step};
use psimp_protocol::RulesMode;
use psimp_rules::{Effect, Level, PROFILES, Profile, TokenFacts, TokenType, Verdict, decide_traced};
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) fn explain(args: &ExplainArgs) -> Exit {
    let Some(case) = psimp_catalogue::cases().into_iter().find(|c| c.id.eq_ignore_ascii_case(&args.case))
    else {
        eprintln!("psimp: there is no case {}; `psimp list` names them all", args.case);
        return Exit::Usage;
    };
    let text = match case.body {
        Body::Decision(row) => decision(row),
        Body::Script(row) => script(row),
        Body::Requests(row) => requests(row),
        Body::Race(race) => races::explain(race),
        Body::Needs(what) => format!("Cannot be carried out here: {what}\n"),
    };
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

fn decision(row: &DecisionRow) -> String {
    let machine = Machine::new(psimp_model::Flavour::Win10);
    machine.become_server(row.server);
    let (server, token) = (machine.process.primary().facts(), machine.token(row.token).facts());
    let mut text = String::new();
    let _ = writeln!(text, "Setup\n  server {:<4} {}", row.server.name(), describe(&server));
    let _ = writeln!(text, "  token  {:<4} {}", row.token.name(), describe(&token));
    let _ = writeln!(
        text,
        "Call\n  PsImpersonateClient(thread, {}, CopyOnOpen FALSE, EffectiveOnly FALSE, level {})",
        row.token.name(),
        row.level
    );
    if row.driver == Driver::Refused {
        let _ = writeln!(
            text,
            "  The driver refuses it: STATUS_BAD_IMPERSONATION_LEVEL, the token's own level is lower"
        );
    }
    let _ = writeln!(text, "Rules");
    let Some(asked) = Level::from_raw(row.level.into()) else { return text };
    for profile in PROFILES {
        let expected = column(row, profile);
        let mut tried = Vec::new();
        let decision = decide_traced(profile, Some(&server), &token, asked, |step| {
            tried.push(match step.effect {
                Effect::Pass => step.rule.name().to_owned(),
                Effect::Keep => format!("{} keeps", step.rule.name()),
                Effect::Deny => format!("{} denies", step.rule.name()),
            });
        });
        let decided = match decision.verdict {
            Verdict::Kept(level) => format!("K{}", level as u8),
            Verdict::Copied(level) => format!("C{}", level as u8),
            Verdict::Refused(why) => format!("{why:?}"),
        };
        let _ = writeln!(
            text,
            "  {:<10} expected {expected}, decided {decided}: {}",
            profile.name,
            tried.join(" → ")
        );
    }
    let _ = writeln!(text, "Expected through the driver");
    for kernel in Kernel::value_variants() {
        for (rules, name) in [(RulesMode::Documented, "documented"), (RulesMode::Kernel, "kernel")] {
            let expected = match row.driver {
                Driver::Refused => "refused".to_owned(),
                Driver::Passed => {
                    let (column, by_driver) = expected_through_driver(row, flavour(*kernel), rules);
                    let seen = column.observed(row.token);
                    let who = if by_driver { "driver" } else { "kernel" };
                    format!(
                        "{}, decided by the {who}; slot {}; open {}; access {}",
                        short(column),
                        seen.slot,
                        seen.open,
                        seen.access
                    )
                }
            };
            let _ = writeln!(text, "  {:<12} {name:<12} {expected}", kernel.to_string());
        }
    }
    text
}

fn column(row: &DecisionRow, profile: &Profile) -> String {
    short(match profile.name {
        "DOC" => row.doc,
        "DOC-ANY" => row.doc_any,
        "UM" => row.um,
        "NT52" => row.nt52,
        "W10" => row.w10,
        _ => row.w10_recent(),
    })
}

fn short(column: Column) -> String {
    match column {
        Column::K(level) => format!("K{level}"),
        Column::C(level, _) => format!("C{level}"),
    }
}

fn describe(facts: &TokenFacts) -> String {
    let platform = &facts.platform;
    let mut words = vec![
        if facts.token_type == TokenType::Primary {
            "primary".to_owned()
        } else {
            "impersonation".to_owned()
        },
        format!("user {}", facts.user),
        format!("logon {:#x}", facts.authentication_id.0),
        format!("own level {}", facts.level.name()),
        format!("integrity {:#x}", platform.integrity),
        format!("session {}", platform.session),
        format!("origin {:#x}", platform.origin.0),
    ];
    for (is, word) in [
        (facts.restriction.is_restricted(), format!("{:?}", facts.restriction)),
        (platform.impersonate_privilege, "SeImpersonatePrivilege".to_owned()),
        (platform.elevated, "elevated".to_owned()),
        (platform.filtered_logon, "filtered logon".to_owned()),
        (platform.package.is_some(), format!("package {}", platform.package.map_or(0, |p| p.id))),
    ] {
        if is {
            words.push(word);
        }
    }
    words.join(", ")
}

fn script(script: &Script) -> String {
    let mut text = format!("Server {}\nSteps\n", script.server.name());
    steps(&mut text, script.steps, 1);
    text
}

fn steps(text: &mut String, list: &[Step], depth: usize) {
    for (index, step) in list.iter().enumerate() {
        let _ = write!(text, "{:margin$}{}. ", "", index + 1, margin = 2 * depth);
        let inner = match *step {
            Step::Check(ref values) => {
                look(text, values, 2 * depth + 3);
                continue;
            }
            Step::Repeat(times, steps) => (format!("{times} times"), steps),
            Step::On(who, steps) => (format!("on {who:?}"), steps),
            Step::Toward(who, steps) => (format!("about {who:?}"), steps),
            Step::Meanwhile(who, steps) => (format!("on {who:?}, when a token is next duplicated"), steps),
            Step::OnlyKernel(steps) => ("without the driver".to_owned(), steps),
            Step::OnlyDriver(steps) => ("through the driver".to_owned(), steps),
            Step::OnKernels(kernels, steps) => (format!("on {kernels:?}"), steps),
            Step::WhereDocumented(steps) => ("where the documented rule decides".to_owned(), steps),
            Step::Elsewhere(steps) => ("where the kernel's own rule decides".to_owned(), steps),
            ref step => {
                let _ = writeln!(text, "{step:?}");
                continue;
            }
        };
        let _ = writeln!(text, "{}", inner.0);
        steps(text, inner.1, depth + 2);
    }
}

/// What the thread is to show: once, if all kernels are to show the same.
fn look(text: &mut String, values: &ByKernel<State>, margin: usize) {
    let words = |state: &State| {
        let said = [("slot", state.slot), ("open", state.open), ("access", state.access)];
        let said: Vec<_> = said
            .iter()
            .filter(|said| !said.1.is_empty())
            .map(|(what, said)| format!("{what} {said}"))
            .collect();
        said.join("; ")
    };
    if values.documented == values.nt52 && values.nt52 == values.win10 {
        let _ = writeln!(text, "look: {}", words(&values.win10));
        return;
    }
    let _ = writeln!(text, "look");
    for kernel in Kernel::value_variants() {
        let state = expected_state(values, flavour(*kernel), RulesMode::Kernel);
        let _ = writeln!(text, "{:margin$}{:<12} {}", "", kernel.to_string(), words(state));
    }
}

fn requests(row: &Requests) -> String {
    let mut text = String::from("Requests, each with A2 impersonated before\n");
    for (index, attempt) in row.attempts.iter().enumerate() {
        let _ = writeln!(
            text,
            "  {}. {:?}, {:?}, output {:?}, sent by {:?}: {}",
            index + 1,
            attempt.operation,
            attempt.edit,
            attempt.output,
            attempt.caller,
            attempt.status
        );
    }
    for opening in row.openings {
        let _ = writeln!(
            text,
            "  open, administrator {}, impersonating at {:?}: {}",
            opening.administrator, opening.impersonating, opening.status
        );
    }
    text
}
