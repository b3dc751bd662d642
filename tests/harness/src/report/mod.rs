//! Writes the result of a run, for people and for programs.

pub mod html;
mod json;
mod junit;
mod sheet;
mod table;

use std::io::{self, Write};

use clap::ValueEnum;
use psimp_catalogue::GROUPS;

pub use json::read;
pub(crate) use json::{Run, text};
pub use sheet::{Column, Row, Sheet};

use crate::result::{CaseResult, CaseStatus, Mismatch, RunResult};

/// How a run is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line a case, for people
    #[default]
    Table,
    /// One JSON object
    Json,
    /// `JUnit` XML, for CI servers
    #[value(help = "JUnit XML, for CI servers")]
    Junit,
}

/// Writes `result` to `out`. Only the table has colour, and only with `colour`.
///
/// # Errors
/// The error of writing to `out`.
pub fn write(result: &RunResult, format: Format, out: &mut dyn Write, colour: bool) -> io::Result<()> {
    match format {
        Format::Table => table::write(result, out, colour),
        Format::Json => json::write(result, out),
        Format::Junit => junit::write(result, out),
    }
}

/// A case in one line, for a run whose report may never be written.
pub fn line(case: &CaseResult) -> String {
    let (mark, words) = match &case.status {
        CaseStatus::Passed(words) => ("ok  ", words.clone()),
        CaseStatus::Skipped(why) => ("skip", why.clone()),
        CaseStatus::Failed(mismatches) => {
            let word = |found: &Mismatch| {
                format!("{}: expected {}, observed {}", found.what, found.expected, found.observed)
            };
            ("FAIL", mismatches.iter().map(word).collect::<Vec<_>>().join("; "))
        }
    };
    format!("{mark}  {}  {words}", case.id).trim_end().replace(['\n', '\r'], " ")
}

/// The name of the group with this letter; empty for a letter without a group.
pub fn group_name(letter: char) -> &'static str {
    GROUPS.iter().find(|group| group.letter == letter).map_or("", |group| group.name)
}

/// The heading of the group that a case belongs to, such as `D decision`.
pub fn group_heading(id: &str) -> String {
    let letter = group_letter(id);
    format!("{letter} {}", group_name(letter)).trim_end().to_owned()
}

fn group_letter(id: &str) -> char {
    id.chars().next().map_or('?', |letter| letter.to_ascii_uppercase())
}

/// Neighbouring cases of one group.
fn groups(cases: &[CaseResult]) -> impl Iterator<Item = &[CaseResult]> {
    cases.chunk_by(|a, b| group_letter(&a.id) == group_letter(&b.id))
}

/// Target, kernel and rules, such as `model.win10.documented`.
fn configuration(result: &RunResult) -> String {
    let rehearsed = if result.rehearsed { "-rehearsed" } else { "" };
    format!("{}{rehearsed}.{}.{}", result.target, result.kernel, result.rules)
}

/// How many there are, in words: `1 case`, `2 cases`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Milliseconds, to the microsecond.
fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// `text` with all lines but the first indented by `margin`.
fn indented(text: &str, margin: usize) -> String {
    text.trim_end().replace('\n', &format!("\n{:margin$}", ""))
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::result::{CaseResult, CaseStatus, mismatch};
    use std::time::Duration;

    #[test]
    fn a_case_is_one_line() {
        let of = |status| {
            line(&CaseResult {
                id: "D13".to_owned(),
                title: "a title".to_owned(),
                status,
                duration: Duration::ZERO,
            })
        };
        assert_eq!(of(CaseStatus::Passed("A2 L2".to_owned())), "ok    D13  A2 L2");
        assert_eq!(of(CaseStatus::Passed(String::new())), "ok    D13");
        assert_eq!(of(CaseStatus::Skipped("needs\na driver".to_owned())), "skip  D13  needs a driver");
        let found = vec![mismatch("slot", "A2 L2", "idle"), mismatch("open", "new", "7C")];
        assert_eq!(
            of(CaseStatus::Failed(found)),
            "FAIL  D13  slot: expected A2 L2, observed idle; open: expected new, observed 7C"
        );
    }
}
