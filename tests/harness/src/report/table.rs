//! The run as a table.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{group_heading, groups, indented};
use crate::result::{CaseResult, CaseStatus, Mismatch, RunResult};

/// The most columns of a case's line.
const WIDTH: usize = 120;
/// The most columns of the words about a case; the title has the rest.
const WORDS: usize = 52;
/// Before the id: margin, mark, gap.
const MARK: usize = 2 + 4 + 2;
/// Lines below a case start below its id.
const INDENT: &str = "        ";

pub(super) fn write(result: &RunResult, out: &mut dyn Write, colour: bool) -> io::Result<()> {
    let table = Table { columns: Columns::fit(&result.cases), palette: Palette::new(colour) };
    for cases in groups(&result.cases) {
        let heading = table.palette.heading;
        writeln!(out, "{heading}{}{heading:#}", group_heading(&cases[0].id))?;
        for case in cases {
            table.case(case, out)?;
        }
        writeln!(out)?;
    }
    table.summary(result, out)
}

struct Table {
    columns: Columns,
    palette: Palette,
}

impl Table {
    fn case(&self, case: &CaseResult, out: &mut dyn Write) -> io::Result<()> {
        let Columns { id, title, words: room } = self.columns;
        let (style, mark) = match case.status {
            CaseStatus::Passed(_) => (self.palette.passed, "ok"),
            CaseStatus::Failed(_) => (self.palette.failed, "FAIL"),
            CaseStatus::Skipped(_) => (self.palette.skipped, "skip"),
        };
        let words = words(&case.status);
        // A reason is never truncated: one that does not fit is put on a line of its own.
        let below = matches!(case.status, CaseStatus::Skipped(_)) && width(&words) > room;
        let beside = if below { String::new() } else { cut(&words, room) };
        let row = format!("{:id$}  {:title$}  {beside}", case.id, cut(&case.title, title));
        writeln!(out, "  {style}{mark:4}{style:#}  {}", row.trim_end())?;
        if below {
            writeln!(out, "{INDENT}{}", indented(&words, INDENT.len()))?;
        }
        if let CaseStatus::Failed(mismatches) = &case.status {
            for mismatch in mismatches {
                self.mismatch(mismatch, out)?;
            }
        }
        Ok(())
    }

    fn mismatch(&self, mismatch: &Mismatch, out: &mut dyn Write) -> io::Result<()> {
        let Mismatch { what, expected, observed, rule } = mismatch;
        let plain = Style::new();
        writeln!(out, "{INDENT}{}", indented(what, INDENT.len()))?;
        field("expected", expected, plain, out)?;
        field("observed", observed, self.palette.failed, out)?;
        rule.iter().try_for_each(|rule| field("rule", rule, plain, out))
    }

    fn summary(&self, result: &RunResult, out: &mut dyn Write) -> io::Result<()> {
        let Palette { passed, failed, skipped, .. } = self.palette;
        let counts = result.summary();
        // A count of 0 has no colour.
        let shown = |style: Style, count: usize| if count == 0 { Style::new() } else { style };
        let (passed, failed, skipped) =
            (shown(passed, counts.passed), shown(failed, counts.failed), shown(skipped, counts.skipped));
        writeln!(
            out,
            "{passed}{} passed{passed:#}, {failed}{} failed{failed:#}, {skipped}{} skipped{skipped:#}, {} total in {:.1?}",
            counts.passed,
            counts.failed,
            counts.skipped,
            result.cases.len(),
            result.duration,
        )?;
        if counts.failed > 0 {
            let cases = result.cases.iter().filter(|case| matches!(case.status, CaseStatus::Failed(_)));
            let ids: Vec<_> = cases.map(|case| case.id.as_str()).collect();
            writeln!(out, "failed  {failed}{}{failed:#}", ids.join(" "))?;
        }
        writeln!(out, "target  {}, kernel {}, rules {}", result.target_words(), result.kernel, result.rules)?;
        if let Some(image) = &result.image {
            writeln!(out, "image   {}", image.path)?;
            writeln!(out, "sha256  {}", image.sha256)?;
        }
        Ok(())
    }
}

fn field(name: &str, value: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let margin = INDENT.len() + 2 + 10;
    writeln!(out, "{INDENT}  {name:10}{style}{}{style:#}", indented(value, margin))
}

/// The words about a case: the summary, how many comparisons failed, or why it was skipped.
fn words(status: &CaseStatus) -> String {
    match status {
        CaseStatus::Passed(words) | CaseStatus::Skipped(words) => words.clone(),
        CaseStatus::Failed(mismatches) if mismatches.len() == 1 => "1 mismatch".to_owned(),
        CaseStatus::Failed(mismatches) => format!("{} mismatches", mismatches.len()),
    }
}

/// The widths of the columns, the same in all groups.
#[derive(Clone, Copy)]
struct Columns {
    id: usize,
    title: usize,
    words: usize,
}

impl Columns {
    fn fit(cases: &[CaseResult]) -> Self {
        let widest = |of: fn(&CaseResult) -> usize| cases.iter().map(of).max().unwrap_or(0);
        let id = widest(|case| width(&case.id));
        // A long reason does not count: it is put on a line of its own.
        let needed = widest(|case| match &case.status {
            CaseStatus::Skipped(reason) if width(reason) > WORDS => 0,
            status => width(&words(status)),
        });
        let room = WIDTH.saturating_sub(MARK + id + 2 + 2);
        let title = widest(|case| width(&case.title)).min(room.saturating_sub(needed.min(WORDS)));
        Self { id, title, words: room - title }
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// `text` on one line of at most `room` characters.
fn cut(text: &str, room: usize) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if width(&text) <= room {
        return text;
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Colours of the parts; all plain without colour.
struct Palette {
    passed: Style,
    failed: Style,
    skipped: Style,
    heading: Style,
}

impl Palette {
    fn new(colour: bool) -> Self {
        let plain = Style::new();
        if !colour {
            return Self { passed: plain, failed: plain, skipped: plain, heading: plain };
        }
        Self {
            passed: AnsiColor::Green.on_default(),
            failed: AnsiColor::Red.on_default().bold(),
            skipped: AnsiColor::Yellow.on_default(),
            heading: plain.bold(),
        }
    }
}
