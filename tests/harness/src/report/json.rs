//! The run as one JSON object, written and read back. Its members are an interface to other programs, and
//! docs/psimp-run.schema.json is generated from these structures.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use psimp_rules::Kernel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::milliseconds;
use crate::configuration::{Rules, Target, kernel_names};
use crate::result::{CASE_ID, CaseResult, CaseStatus, ImageInfo, Mismatch, Origin, RunResult, Summary};

/// A run as JSON.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "the result of a run")]
pub(crate) struct Run {
    /// The psimp that wrote it; absent in what versions before this member wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    psimp: Option<Origin>,
    target: Target,
    /// Whether that was a rehearsal of the target, over the model of the kernel; absent if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rehearsed: bool,
    /// The simulated kernel.
    #[schemars(extend("enum" = kernel_names()))]
    kernel: String,
    rules: Rules,
    /// The driver image that ran, if one did.
    image: Option<ImageInfo>,
    summary: Summary,
    /// In the order of the catalogue.
    cases: Vec<Case>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "a case")]
struct Case {
    /// Id of the case.
    #[schemars(regex(pattern = CASE_ID))]
    id: String,
    /// One line on what the case shows.
    title: String,
    #[serde(flatten)]
    outcome: Outcome,
    /// Wall time, in milliseconds.
    #[schemars(range(min = 0))]
    ms: f64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "lowercase", expecting = "a case")]
enum Outcome {
    #[schemars(extend("not" = {"required": ["mismatches"]}))]
    Passed {
        #[serde(default)]
        reason: (),
        /// The observed values in brief.
        detail: String,
    },
    #[schemars(extend("not" = {"required": ["detail"]}))]
    Failed {
        #[serde(default)]
        reason: (),
        /// The comparisons that did not hold.
        #[schemars(length(min = 1))]
        mismatches: Vec<Mismatch>,
    },
    #[schemars(extend("not" = {"anyOf": [{"required": ["mismatches"]}, {"required": ["detail"]}]}))]
    Skipped {
        /// Why it was skipped.
        reason: String,
    },
}

pub(super) fn write(result: &RunResult, out: &mut dyn Write) -> io::Result<()> {
    let run = Run {
        psimp: result.psimp.clone(),
        target: result.target,
        rehearsed: result.rehearsed,
        kernel: result.kernel.to_string(),
        rules: result.rules,
        image: result.image.clone(),
        summary: result.summary(),
        cases: result.cases.iter().map(Case::from).collect(),
    };
    serde_json::to_writer(&mut *out, &run)?;
    writeln!(out)
}

impl From<&CaseResult> for Case {
    fn from(case: &CaseResult) -> Self {
        let outcome = match case.status.clone() {
            CaseStatus::Passed(detail) => Outcome::Passed { reason: (), detail },
            CaseStatus::Failed(mismatches) => Outcome::Failed { reason: (), mismatches },
            CaseStatus::Skipped(reason) => Outcome::Skipped { reason },
        };
        Self { id: case.id.clone(), title: case.title.clone(), outcome, ms: milliseconds(case.duration) }
    }
}

/// Reads what `psimp run --format json` wrote. The text may be UTF-8, or UTF-16 with a byte order mark, as
/// PowerShell's `>` writes it.
///
/// # Errors
/// What is wrong with it, as a message for the user.
pub fn read(bytes: &[u8]) -> Result<RunResult, String> {
    let text = text(bytes)?;
    if !text.trim_start().starts_with('{') {
        return Err(no_object(&text));
    }
    let run: Run = serde_json::from_str(&text).map_err(|error| unread(&text, &error))?;
    let kernel =
        Kernel::from_name(&run.kernel).ok_or_else(|| format!("there is no kernel {:?}", run.kernel))?;
    let cases = run.cases.into_iter().map(case).collect::<Result<Vec<_>, _>>()?;
    let mut ids = BTreeSet::new();
    if let Some(twice) = cases.iter().find(|case| !ids.insert(&case.id)) {
        return Err(format!("it has the case {} twice", twice.id));
    }
    let duration = cases
        .iter()
        .try_fold(Duration::ZERO, |sum, case| sum.checked_add(case.duration))
        .ok_or("the times of its cases are too long to add up")?;
    let Run { psimp, target, rehearsed, rules, image, summary, .. } = run;
    let result = RunResult { psimp, target, rehearsed, kernel, rules, image, cases, duration };
    if result.summary() != summary {
        return Err("its summary is not that of its cases".to_owned());
    }
    Ok(result)
}

/// What the other commands write, by a member that is in no run.
const OTHERS: &[(&str, &str)] = &[
    ("sites", "faults"),
    ("caught", "mutants"),
    ("torn", "soak"),
    ("absolute", "bench"),
    ("figures", "bench"),
    ("text", "explain"),
    ("threads", "show"),
    ("process", "explain"),
    ("installed", "driver"),
    ("total", "list"),
];

/// What is wrong with a text that is no run.
fn unread(text: &str, error: &serde_json::Error) -> String {
    let place = format!("line {} column {}", error.line(), error.column());
    match serde_json::from_str::<Value>(text) {
        Ok(value) => match OTHERS.iter().find(|(member, _)| value.get(member).is_some()) {
            Some((_, command)) => format!("`psimp {command} --format json` wrote it"),
            None => error.to_string(),
        },
        Err(broken) if broken.is_eof() => format!("it ends at {place}, before its JSON does"),
        Err(_) => match serde_json::Deserializer::from_str(text).into_iter::<Value>().next() {
            Some(Ok(_)) => format!("its JSON ends before {place}, and something else follows"),
            _ => error.to_string(),
        },
    }
}

/// What a text is that does not begin as a JSON object.
fn no_object(text: &str) -> String {
    let what = match serde_json::from_str(text) {
        Ok(Value::Array(_)) => "an array",
        Ok(Value::String(_)) => "a string",
        Ok(Value::Number(_)) => "a number",
        Ok(Value::Bool(_)) => "true or false",
        Ok(Value::Null) => "null",
        _ if text.trim().is_empty() => return "it is empty".to_owned(),
        _ => return "it is no JSON object".to_owned(),
    };
    format!("it is {what} in JSON, no object")
}

fn case(case: Case) -> Result<CaseResult, String> {
    let duration = Duration::try_from_secs_f64(case.ms / 1e3)
        .map_err(|error| format!("the time of the case {}: {error}", case.id))?;
    let status = match case.outcome {
        Outcome::Passed { detail, .. } => CaseStatus::Passed(detail),
        Outcome::Failed { mismatches, .. } => CaseStatus::Failed(mismatches),
        Outcome::Skipped { reason } => CaseStatus::Skipped(reason),
    };
    Ok(CaseResult { id: case.id, title: case.title, status, duration })
}

/// The text of a file: UTF-8, or UTF-16 with a byte order mark.
///
/// # Errors
/// That it is no text.
pub(crate) fn text(bytes: &[u8]) -> Result<String, String> {
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
