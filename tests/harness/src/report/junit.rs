//! The run as `JUnit` XML: a suite for each group of cases.

use std::fmt::Write as _;
use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::{configuration, group_heading, groups, indented};
use crate::result::{CaseResult, CaseStatus, Mismatch, Origin, RunResult};

/// Where the values of a mismatch start.
const VALUE: usize = 12;

pub(super) fn write(result: &RunResult, out: &mut dyn Write) -> io::Result<()> {
    let mut report = Report::new("psimp");
    report.set_time(result.duration);
    report.add_test_suites(groups(&result.cases).map(|cases| suite(result, cases)));
    // By way of a string, so that an error of `out` is returned as it is.
    let xml = report.to_string().map_err(io::Error::other)?;
    out.write_all(xml.as_bytes())
}

fn suite(result: &RunResult, cases: &[CaseResult]) -> TestSuite {
    let mut suite = TestSuite::new(group_heading(&cases[0].id));
    suite.set_time(cases.iter().map(|case| case.duration).sum());
    let RunResult { target, kernel, rules, .. } = result;
    for (name, value) in
        [("target", target.to_string()), ("kernel", kernel.to_string()), ("rules", rules.to_string())]
    {
        suite.add_property(Property::new(name, value.as_str()));
    }
    if let Some(Origin { version, commit }) = &result.psimp {
        suite.add_property(Property::new("psimp.version", version.as_str()));
        if let Some(commit) = commit {
            suite.add_property(Property::new("psimp.commit", commit.as_str()));
        }
    }
    if let Some(image) = &result.image {
        suite.add_property(Property::new("image.path", image.path.clone()));
        suite.add_property(Property::new("image.sha256", image.sha256.as_str()));
    }
    let classname = configuration(result);
    suite.add_test_cases(cases.iter().map(|case| test_case(case, &classname)));
    suite
}

fn test_case(case: &CaseResult, classname: &str) -> TestCase {
    let (status, detail) = match &case.status {
        CaseStatus::Passed(detail) => (TestCaseStatus::success(), Some(detail)),
        CaseStatus::Failed(mismatches) => (failure(mismatches), None),
        CaseStatus::Skipped(reason) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.as_str());
            (status, None)
        }
    };
    let mut test = TestCase::new(format!("{} {}", case.id, case.title), status);
    test.set_classname(classname).set_time(case.duration);
    if let Some(detail) = detail.filter(|detail| !detail.is_empty()) {
        test.set_system_out(detail);
    }
    test
}

fn failure(mismatches: &[Mismatch]) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type("mismatch").set_message(message(mismatches)).set_description(text(mismatches));
    status
}

/// What CI servers show in their lists: the first mismatch, and how many follow.
fn message(mismatches: &[Mismatch]) -> String {
    let Some((first, others)) = mismatches.split_first() else { return String::new() };
    let mut message = format!("{}: expected {}, observed {}", first.what, first.expected, first.observed);
    if !others.is_empty() {
        let _ = write!(message, " (and {} more)", others.len());
    }
    message
}

/// Every mismatch, laid out as in the table.
fn text(mismatches: &[Mismatch]) -> String {
    let mut text = String::new();
    for Mismatch { what, expected, observed, rule } in mismatches {
        let _ = write!(text, "{what}\n  expected  {}\n", indented(expected, VALUE));
        let _ = writeln!(text, "  observed  {}", indented(observed, VALUE));
        if let Some(rule) = rule {
            let _ = writeln!(text, "  rule      {}", indented(rule, VALUE));
        }
    }
    text
}
