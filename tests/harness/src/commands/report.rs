//! `psimp report`.

use super::output::{Output, require_other_standard_output};
use super::{Stop, report_page, say};
use crate::cli::{Exit, ReportArgs};
use crate::report::{Sheet, read};
use crate::result::RunResult;
use crate::survey::{self, Beside, Survey};
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let inputs: Vec<_> = args.files.iter().map(PathBuf::as_path).collect();
    let page = Output::open_any(args.html.as_deref(), &inputs)?;
    require_other_standard_output(&inputs)?;
    let (mut runs, mut surveys) = (Vec::new(), Vec::new());
    for path in inputs {
        let file = path.display().to_string();
        match open(path)? {
            Found::Run(run) => runs.push((Some(file), run)),
            Found::Survey(survey) => surveys.push((file, survey)),
        }
    }
    if let ([(Some(run), _), ..], [(survey, _), ..]) = (runs.as_slice(), surveys.as_slice()) {
        let why = format!("{run} is a run and {survey} a survey; they cannot be compared with each other");
        return Err(Stop::usage(why).into());
    }
    if surveys.is_empty() { of_runs(page, &runs) } else { of_surveys(page, &surveys) }
}

fn of_runs(page: Option<Output>, runs: &[(Option<String>, RunResult)]) -> anyhow::Result<Exit> {
    let sheet = Sheet::new(runs);
    if let Some(page) = page {
        page.write(report_page::page(&sheet, true).as_bytes())?;
    }
    say(sheet.differences_as_text())?;
    Ok(if sheet.differences().next().is_some() { Exit::Failed } else { Exit::Passed })
}

fn of_surveys(page: Option<Output>, surveys: &[(String, Survey)]) -> anyhow::Result<Exit> {
    if let Some(page) = page {
        page.write(Beside(surveys).to_html().as_bytes())?;
    }
    say(Beside(surveys).to_string())?;
    Ok(if Beside(surveys).differ() { Exit::Failed } else { Exit::Passed })
}

/// What a file is.
enum Found {
    Run(RunResult),
    Survey(Survey),
}

/// Reads a result.
fn open(path: &Path) -> Result<Found, Stop> {
    let name = path.display();
    let bytes = fs::read(path).map_err(|error| Stop::usage(format!("cannot read {name}: {error}")))?;
    match survey::read(&bytes) {
        Ok(Some(survey)) => return Ok(Found::Survey(survey)),
        Ok(None) => (),
        Err(why) => return Err(Stop::usage(format!("{name} is a survey that cannot be read: {why}"))),
    }
    let run = read(&bytes).map(Found::Run);
    run.map_err(|why| Stop::usage(format!("{name} is no result of `psimp run --format json`: {why}")))
}
