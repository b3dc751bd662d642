//! `psimp list`.

use super::{say, say_json};
use crate::cli::{Exit, ListArgs, TextFormat};
use crate::report::group_heading;
use crate::result::CASE_ID;
use psimp_catalogue::cases;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// The list as JSON.
#[derive(Serialize, JsonSchema)]
pub(super) struct List {
    /// How many there are.
    total: usize,
    cases: Vec<Listed>,
}

#[derive(Serialize, JsonSchema)]
struct Listed {
    /// Id of the case.
    #[schemars(regex(pattern = CASE_ID))]
    id: &'static str,
    /// One line on what the case shows.
    title: String,
}

pub(super) fn list(args: &ListArgs) -> anyhow::Result<Exit> {
    let cases: Vec<_> =
        cases().into_iter().filter(|case| args.filter.matches(case.id, &case.title)).collect();
    match args.format {
        TextFormat::Json => {
            let cases: Vec<_> = cases.into_iter().map(|c| Listed { id: c.id, title: c.title }).collect();
            say_json(&List { total: cases.len(), cases })
        }
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
            }
            let _ = writeln!(text, "{} cases", cases.len());
            say(text)
        }
    }?;
    Ok(Exit::Passed)
}
