//! The run in the Test Anything Protocol, version 14.

use std::io::{self, Write};

use super::milliseconds;
use crate::result::{CaseResult, CaseStatus, Mismatch, RunResult};

pub(super) fn write(result: &RunResult, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "TAP version 14")?;
    writeln!(out, "1..{}", result.cases.len())?;
    writeln!(out, "# target {}, kernel {}, rules {}", result.target, result.kernel, result.rules)?;
    if let Some(image) = &result.image {
        writeln!(out, "# image {}", one_line(&image.path))?;
        writeln!(out, "# sha256 {}", image.sha256)?;
    }
    for (number, case) in (1..).zip(&result.cases) {
        point(number, case, out)?;
    }
    let counts = result.summary();
    writeln!(out, "# {} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped)
}

fn point(number: usize, case: &CaseResult, out: &mut dyn Write) -> io::Result<()> {
    let description = format!("{number} - {} {}", case.id, escaped(&case.title));
    match &case.status {
        CaseStatus::Passed(_) => writeln!(out, "ok {description}"),
        CaseStatus::Skipped(reason) => writeln!(out, "ok {description} # SKIP {}", escaped(reason)),
        CaseStatus::Failed(mismatches) => {
            writeln!(out, "not ok {description}")?;
            diagnostics(case, mismatches, out)
        }
    }
}

/// A YAML block. JSON strings are YAML scalars, whatever is in them.
fn diagnostics(case: &CaseResult, mismatches: &[Mismatch], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  ---")?;
    writeln!(out, "  duration_ms: {}", milliseconds(case.duration))?;
    writeln!(out, "  mismatches:")?;
    for mismatch in mismatches {
        writeln!(out, "    - what: {}", serde_json::to_string(&mismatch.what)?)?;
        writeln!(out, "      expected: {}", serde_json::to_string(&mismatch.expected)?)?;
        writeln!(out, "      observed: {}", serde_json::to_string(&mismatch.observed)?)?;
        writeln!(out, "      rule: {}", serde_json::to_string(&mismatch.rule)?)?;
    }
    writeln!(out, "  ...")
}

/// A description in which `#` starts no directive.
fn escaped(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
