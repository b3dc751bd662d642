//! The run as one JSON object. Its members are an interface: other programs read them.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::milliseconds;
use crate::result::{CaseResult, CaseStatus, Mismatch, RunResult};

#[derive(Serialize)]
struct Run<'a> {
    target: String,
    kernel: String,
    rules: String,
    image: Option<Image<'a>>,
    summary: Counts,
    cases: Vec<Case<'a>>,
}

#[derive(Serialize)]
struct Image<'a> {
    path: Cow<'a, str>,
    sha256: &'a str,
}

#[derive(Serialize)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
    total: usize,
}

#[derive(Serialize)]
struct Case<'a> {
    id: &'a str,
    title: &'a str,
    status: &'static str,
    reason: Option<&'a str>,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatches: Option<Vec<Difference<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Serialize)]
struct Difference<'a> {
    what: &'a str,
    expected: &'a str,
    observed: &'a str,
    rule: Option<&'a str>,
}

pub(super) fn write(result: &RunResult, out: &mut dyn Write) -> io::Result<()> {
    let summary = result.summary();
    let run = Run {
        target: result.target.to_string(),
        kernel: result.kernel.to_string(),
        rules: result.rules.to_string(),
        image: result
            .image
            .as_ref()
            .map(|image| Image { path: image.path.to_string_lossy(), sha256: &image.sha256 }),
        summary: Counts {
            passed: summary.passed,
            failed: summary.failed,
            skipped: summary.skipped,
            total: result.cases.len(),
        },
        cases: result.cases.iter().map(Case::from).collect(),
    };
    serde_json::to_writer(&mut *out, &run)?;
    writeln!(out)
}

impl<'a> From<&'a CaseResult> for Case<'a> {
    fn from(case: &'a CaseResult) -> Self {
        let (status, reason, mismatches, detail) = match &case.status {
            CaseStatus::Passed(detail) => ("passed", None, None, Some(detail.as_str())),
            CaseStatus::Failed(mismatches) => {
                ("failed", None, Some(mismatches.iter().map(Difference::from).collect()), None)
            }
            CaseStatus::Skipped(reason) => ("skipped", Some(reason.as_str()), None, None),
        };
        let ms = milliseconds(case.duration);
        Case { id: &case.id, title: &case.title, status, reason, ms, mismatches, detail }
    }
}

impl<'a> From<&'a Mismatch> for Difference<'a> {
    fn from(mismatch: &'a Mismatch) -> Self {
        Difference {
            what: &mismatch.what,
            expected: &mismatch.expected,
            observed: &mismatch.observed,
            rule: mismatch.rule.as_deref(),
        }
    }
}
