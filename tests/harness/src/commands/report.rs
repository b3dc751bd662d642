//! `psimp report`.

use super::{report_page, say};
use crate::cli::{Exit, ReportArgs};
use crate::report::{Sheet, read};
use crate::result::RunResult;
use std::fs;
use std::path::Path;

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let mut runs = Vec::new();
    for path in &args.files {
        match open(path) {
            Ok(run) => runs.push((Some(path.display().to_string()), run)),
            Err(why) => {
                eprintln!("psimp: {why}");
                return Ok(Exit::Usage);
            }
        }
    }
    let sheet = Sheet::new(&runs);
    if let Some(path) = &args.html {
        report_page::write(path, &sheet, true)?;
    }
    say(sheet.differences_as_text())?;
    Ok(if sheet.differences().next().is_some() { Exit::Failed } else { Exit::Passed })
}

/// Reads a result; the error is a sentence.
fn open(path: &Path) -> Result<RunResult, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    read(&bytes).map_err(|why| format!("{} is no result of `psimp run --format json`: {why}", path.display()))
}
