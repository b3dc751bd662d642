//! `psimp report`.

use super::output::{Output, require_other_standard_output};
use super::{Stop, report_page, say};
use crate::cli::{Exit, ReportArgs};
use crate::report::{Sheet, read};
use crate::result::RunResult;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let inputs: Vec<_> = args.files.iter().map(PathBuf::as_path).collect();
    let page = match &args.html {
        Some(path) => Some(Output::open(path, &inputs)?),
        None => None,
    };
    require_other_standard_output(&inputs)?;
    let mut runs = Vec::new();
    for path in inputs {
        runs.push((Some(path.display().to_string()), open(path)?));
    }
    let sheet = Sheet::new(&runs);
    if let Some(page) = page {
        page.write(report_page::page(&sheet, true).as_bytes())?;
    }
    say(sheet.differences_as_text())?;
    Ok(if sheet.differences().next().is_some() { Exit::Failed } else { Exit::Passed })
}

/// Reads a result.
fn open(path: &Path) -> Result<RunResult, Stop> {
    let name = path.display();
    let bytes = fs::read(path).map_err(|error| Stop::usage(format!("cannot read {name}: {error}")))?;
    read(&bytes)
        .map_err(|why| Stop::usage(format!("{name} is no result of `psimp run --format json`: {why}")))
}
