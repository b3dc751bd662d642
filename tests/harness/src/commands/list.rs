//! `psimp list`.

use super::say;
use crate::cli::{Exit, ListArgs, TextFormat};
use crate::report::group_heading;
use psimp_catalogue::cases;
use serde_json::json;
use std::fmt::Write as _;

pub(super) fn list(args: &ListArgs) -> anyhow::Result<Exit> {
    let cases: Vec<_> =
        cases().into_iter().filter(|case| args.filter.matches(case.id, &case.title)).collect();
    let mut text = String::new();
    match args.format {
        TextFormat::Json => {
            let cases: Vec<_> = cases.iter().map(|c| json!({"id": c.id, "title": c.title})).collect();
            let _ = writeln!(text, "{}", json!({"total": cases.len(), "cases": cases}));
        }
        TextFormat::Table => {
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
        }
    }
    say(text)?;
    Ok(Exit::Passed)
}
