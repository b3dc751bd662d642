//! `psimp list`.

use crate::cli::{Exit, ListArgs, TextFormat};
use crate::report::group_heading;
use psimp_catalogue::cases;
use serde_json::json;
use std::io::{self, Write};

pub(super) fn list(args: &ListArgs) -> anyhow::Result<Exit> {
    let cases: Vec<_> =
        cases().into_iter().filter(|case| args.filter.matches(case.id, &case.title)).collect();
    let mut out = io::stdout().lock();
    match args.format {
        TextFormat::Json => {
            let cases: Vec<_> = cases.iter().map(|c| json!({"id": c.id, "title": c.title})).collect();
            writeln!(out, "{}", json!({"total": cases.len(), "cases": cases}))?;
        }
        TextFormat::Table => {
            let mut heading = String::new();
            for case in &cases {
                let group = group_heading(case.id);
                if group != heading {
                    writeln!(out, "{group}")?;
                    heading = group;
                }
                writeln!(out, "  {}  {}", case.id, case.title)?;
            }
            writeln!(out, "{} cases", cases.len())?;
        }
    }
    Ok(Exit::Passed)
}
