//! A run from the JSON object that [`super::json`] writes.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::ValueEnum;
use psimp_rules::Kernel;
use serde::Deserialize;

use crate::result::{CaseResult, CaseStatus, ImageInfo, Mismatch, RunResult, Summary};

#[derive(Deserialize)]
struct Run {
    target: String,
    kernel: String,
    rules: String,
    image: Option<Image>,
    summary: Counts,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Image {
    path: String,
    sha256: String,
}

#[derive(Deserialize)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    title: String,
    ms: f64,
    #[serde(flatten)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Status {
    Passed { detail: String },
    Failed { mismatches: Vec<Mismatch> },
    Skipped { reason: String },
}

/// Reads what `psimp run --format json` wrote. The text may be UTF-8, or UTF-16 with a byte order mark, which is
/// what PowerShell's `>` makes of it.
///
/// # Errors
/// What is wrong with it, for the person to read.
pub fn read(bytes: &[u8]) -> Result<RunResult, String> {
    let run: Run = serde_json::from_str(&text(bytes)?).map_err(|error| error.to_string())?;
    let cases = run.cases.into_iter().map(case).collect::<Result<Vec<_>, _>>()?;
    let mut ids = BTreeSet::new();
    if let Some(twice) = cases.iter().find(|case| !ids.insert(&case.id)) {
        return Err(format!("it has the case {} twice", twice.id));
    }
    let duration = cases
        .iter()
        .try_fold(Duration::ZERO, |sum, case| sum.checked_add(case.duration))
        .ok_or("the times of its cases are too long to add up")?;
    let result = RunResult {
        target: named("target", &run.target)?,
        kernel: Kernel::from_name(&run.kernel).ok_or_else(|| no_such("kernel", &run.kernel))?,
        rules: named("mode of rules", &run.rules)?,
        image: run.image.map(|image| ImageInfo { path: image.path.into(), sha256: image.sha256 }),
        cases,
        duration,
    };
    let Counts { passed, failed, skipped } = run.summary;
    if result.summary() != (Summary { passed, failed, skipped }) {
        return Err("its summary is not that of its cases".to_owned());
    }
    Ok(result)
}

/// A value that reports name as the command line does.
fn named<T: ValueEnum>(what: &str, name: &str) -> Result<T, String> {
    T::from_str(name, false).map_err(|_| no_such(what, name))
}

fn no_such(what: &str, name: &str) -> String {
    format!("there is no {what} {name:?}")
}

fn case(case: Case) -> Result<CaseResult, String> {
    let duration = Duration::try_from_secs_f64(case.ms / 1e3)
        .map_err(|error| format!("the time of the case {}: {error}", case.id))?;
    let status = match case.status {
        Status::Passed { detail } => CaseStatus::Passed(detail),
        Status::Failed { mismatches } => CaseStatus::Failed(mismatches),
        Status::Skipped { reason } => CaseStatus::Skipped(reason),
    };
    Ok(CaseResult { id: case.id, title: case.title, status, duration })
}

fn text(bytes: &[u8]) -> Result<String, String> {
    let utf16 = |unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.get(2..).unwrap_or_default().as_chunks();
        let units: Vec<_> = units.iter().copied().map(unit).collect();
        if rest.is_empty() { String::from_utf16(&units).ok() } else { None }
    };
    let text = match bytes {
        [0xFF, 0xFE, ..] => utf16(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => utf16(u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, utf8 @ ..] | utf8 => String::from_utf8(utf8.to_vec()).ok(),
    };
    text.ok_or_else(|| "it is no text".to_owned())
}
