//! `psimp report`.

use super::survey::write_page;
use super::{report_page, say};
use crate::cli::{Exit, ReportArgs};
use crate::report::{Sheet, read};
use crate::result::RunResult;
use crate::survey::{self, Beside, Survey};
use std::fs;
use std::path::Path;

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let (mut runs, mut surveys) = (Vec::new(), Vec::new());
    for path in &args.files {
        let file = path.display().to_string();
        match open(path) {
            Ok(Found::Run(run)) => runs.push((Some(file), run)),
            Ok(Found::Survey(survey)) => surveys.push((file, survey)),
            Err(why) => {
                eprintln!("psimp: {why}");
                return Ok(Exit::Usage);
            }
        }
    }
    if let ([(Some(run), _), ..], [(survey, _), ..]) = (runs.as_slice(), surveys.as_slice()) {
        eprintln!("psimp: {run} is a run and {survey} a survey; they cannot be compared with each other");
        return Ok(Exit::Usage);
    }
    if surveys.is_empty() { of_runs(args, &runs) } else { of_surveys(args, &surveys) }
}

fn of_runs(args: &ReportArgs, runs: &[(Option<String>, RunResult)]) -> anyhow::Result<Exit> {
    let sheet = Sheet::new(runs);
    if let Some(path) = &args.html {
        report_page::write(path, &sheet, true)?;
    }
    say(sheet.differences_as_text())?;
    Ok(if sheet.differences().next().is_some() { Exit::Failed } else { Exit::Passed })
}

fn of_surveys(args: &ReportArgs, surveys: &[(String, Survey)]) -> anyhow::Result<Exit> {
    if let Some(path) = &args.html {
        write_page(path, surveys)?;
    }
    say(Beside(surveys).to_string())?;
    Ok(if Beside(surveys).differ() { Exit::Failed } else { Exit::Passed })
}

/// What a file is.
enum Found {
    Run(RunResult),
    Survey(Survey),
}

/// Reads a result; the error is a sentence.
fn open(path: &Path) -> Result<Found, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    match survey::read(&bytes) {
        Ok(Some(survey)) => return Ok(Found::Survey(survey)),
        Ok(None) => (),
        Err(why) => return Err(format!("{} is a survey that cannot be read: {why}", path.display())),
    }
    let run = read(&bytes).map(Found::Run);
    run.map_err(|why| format!("{} is no result of `psimp run --format json`: {why}", path.display()))
}
