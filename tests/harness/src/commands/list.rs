//! `psimp list`.

use super::{say, say_json, selected};
use crate::cli::{Exit, ListArgs, Target, TextFormat};
use crate::native::plan::Plan;
use crate::native::route::Route;
use crate::report::{counted, group_heading};
use crate::result::CASE_ID;
use crate::run::reason_against;
use psimp_catalogue::Case;
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// The list as JSON.
#[derive(Serialize, JsonSchema)]
pub(super) struct List {
    /// How many there are.
    total: usize,
    /// How many of them the target does not carry out; absent without a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<usize>,
    cases: Vec<Listed>,
}

#[derive(Serialize, JsonSchema)]
struct Listed {
    /// Id of the case.
    #[schemars(regex(pattern = CASE_ID))]
    id: &'static str,
    /// One line on what the case shows.
    title: String,
    /// Whether the target carries it out; absent without a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<bool>,
    /// Why the target does not carry it out; absent if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

pub(super) fn list(args: &ListArgs) -> anyhow::Result<Exit> {
    let cases: Vec<_> = selected(&args.filter)?
        .into_iter()
        .map(|case| {
            let reason =
                args.target.and_then(|target| why_not(&case, target, args.kernel, args.rules.mode()));
            let runs = args.target.map(|_| reason.is_none());
            Listed { id: case.id, title: case.title, runs, reason }
        })
        .collect();
    let total = cases.len();
    let skipped = args.target.map(|_| cases.iter().filter(|case| case.reason.is_some()).count());
    match args.format {
        TextFormat::Json => say_json(&List { total, skipped, cases }),
        TextFormat::Table => {
            let mut text = String::new();
            let mut heading = String::new();
            for case in &cases {
                let group = group_heading(case.id);
                if group != heading {
                    let _ = writeln!(text, "{group}");
                    heading = group;
                }
                let _ = writeln!(text, "  {}  {}", case.id, case.title);
                if let Some(why) = case.reason {
                    let _ = writeln!(text, "       skipped: {why}");
                }
            }
            let _ = match skipped {
                Some(skipped) => writeln!(text, "{}, {skipped} skipped", counted(total, "case")),
                None => writeln!(text, "{}", counted(total, "case")),
            };
            say(text)
        }
    }?;
    Ok(Exit::Passed)
}

/// Why a target does not carry out a case, if it does not. A token that cannot be made is found out only by the run.
fn why_not(case: &Case, target: Target, kernel: Kernel, rules: RulesMode) -> Option<&'static str> {
    let route = match target {
        Target::Model | Target::Image => return reason_against(case, kernel),
        Target::Device => Route::Driver(rules),
        Target::Native => Route::UserMode,
    };
    Plan::of(case, kernel, route).err()
}
