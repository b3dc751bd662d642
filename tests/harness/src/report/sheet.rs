//! Several runs side by side: a column a run, a row a case.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{counted, indented};
use crate::result::{CaseResult, CaseStatus, Mismatch, RunResult, Summary};

/// Runs side by side.
pub struct Sheet<'a> {
    /// The runs.
    pub columns: Vec<Column<'a>>,
    /// Every case that is in any of them: first those of the catalogue in its order, then others.
    pub rows: Vec<Row<'a>>,
}

/// One run.
pub struct Column<'a> {
    /// Its result.
    pub run: &'a RunResult,
    /// Its file, if there are other runs of the same target, kernel and rules.
    pub file: Option<&'a str>,
}

/// One case in every run.
pub struct Row<'a> {
    /// Catalogue id.
    pub id: &'a str,
    /// One line on what it shows.
    pub title: &'a str,
    /// Its status in each column; none where the run does not have it.
    pub cells: Vec<Option<&'a CaseStatus>>,
}

impl<'a> Sheet<'a> {
    /// Puts runs side by side, each with the file that it was read from, if any.
    pub fn new(runs: &'a [(Option<String>, RunResult)]) -> Self {
        let setting = |run: &RunResult| (run.target, run.rehearsed, run.kernel, run.rules);
        let columns = runs.iter().map(|(file, run)| {
            let alike = runs.iter().filter(|(_, other)| setting(other) == setting(run)).count();
            Column { run, file: file.as_deref().filter(|_| alike > 1) }
        });
        let mut rows: Vec<Row<'a>> = Vec::new();
        let mut places = HashMap::new();
        for (column, (_, run)) in runs.iter().enumerate() {
            for CaseResult { id, title, status, .. } in &run.cases {
                let place = *places.entry(id.as_str()).or_insert_with(|| {
                    rows.push(Row { id, title, cells: vec![None; runs.len()] });
                    rows.len() - 1
                });
                rows[place].cells[column] = Some(status);
            }
        }
        let catalogue: HashMap<_, _> =
            psimp_catalogue::cases().into_iter().map(|case| case.id).zip(0..).collect();
        rows.sort_by_key(|row| catalogue.get(row.id).copied().unwrap_or(usize::MAX));
        Self { columns: columns.collect(), rows }
    }

    /// What the runs come from where that differs: psimp, and the bytes of the driver. Then a difference between
    /// their cases need not be one of kernel or target.
    pub fn origins(&self) -> Vec<String> {
        let psimp = |run: &RunResult| match &run.psimp {
            Some(origin) => Some(origin.to_string()),
            None => Some("a psimp that does not say its version".to_owned()),
        };
        let image = |run: &RunResult| {
            run.image.as_ref().map(|image| format!("the image with SHA-256 {}", image.sha256))
        };
        [self.differing(psimp), self.differing(image)].concat()
    }

    /// A sentence for each value of the runs, unless they have but one.
    fn differing(&self, of: impl Fn(&RunResult) -> Option<String>) -> Vec<String> {
        let mut values: Vec<(String, Vec<String>)> = Vec::new();
        for (number, column) in (1..).zip(&self.columns) {
            let Some(value) = of(column.run) else { continue };
            match values.iter_mut().find(|(other, _)| *other == value) {
                Some((_, runs)) => runs.push(number.to_string()),
                None => values.push((value, vec![number.to_string()])),
            }
        }
        if values.len() < 2 {
            return Vec::new();
        }
        values.iter().map(|(value, runs)| format!("run {} is of {value}", runs.join(", "))).collect()
    }

    /// The cases that differ between the runs.
    pub fn differences(&self) -> impl Iterator<Item = &Row<'a>> {
        self.rows.iter().filter(|row| row.differs())
    }
}

impl Sheet<'_> {
    /// The differences as text.
    pub fn differences_as_text(&self) -> String {
        let mut text = String::new();
        for (number, Column { run, file }) in (1..).zip(&self.columns) {
            let Summary { passed, failed, skipped, .. } = run.summary();
            let counts = format!("{passed} passed, {failed} failed, {skipped} skipped");
            let (target, kernel, rules) = (run.target_words(), &run.kernel, &run.rules);
            let line = format!(
                "{number}  {target:<8} {kernel:<12} {rules:<12} {counts}  {}",
                file.unwrap_or_default()
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let origins = self.origins();
        if !origins.is_empty() {
            let _ = writeln!(text, "\nthe runs do not come from the same builds:");
        }
        for origin in origins {
            let _ = writeln!(text, "  {origin}");
        }
        for row in self.differences() {
            let _ = writeln!(text, "\n{}  {}", row.id, row.title);
            for (number, cell) in (1..).zip(&row.cells) {
                let line = format!("  {number}  {:6}  {}", outcome(*cell), indented(&observed(*cell), 13));
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
        let _ = writeln!(text, "\n{}", self.how_many_differ());
        text
    }

    /// Such as `2 of 3 cases differ`.
    pub fn how_many_differ(&self) -> String {
        let verb = if self.rows.len() == 1 { "differs" } else { "differ" };
        format!("{} of {} {verb}", self.differences().count(), counted(self.rows.len(), "case"))
    }
}

impl Row<'_> {
    /// Whether its outcome or the observed values differ between the runs.
    pub fn differs(&self) -> bool {
        self.cells.windows(2).any(|pair| pair[0] != pair[1])
    }
}

/// The observed result as text.
fn observed(cell: Option<&CaseStatus>) -> String {
    match cell {
        None => String::new(),
        Some(CaseStatus::Passed(words) | CaseStatus::Skipped(words)) => words.clone(),
        Some(CaseStatus::Failed(mismatches)) => {
            let words = |Mismatch { what, expected, observed, .. }: &Mismatch| {
                format!("{what}: expected {expected}, observed {observed}")
            };
            mismatches.iter().map(words).collect::<Vec<_>>().join("\n")
        }
    }
}

/// The word for the outcome of a case.
pub(crate) fn outcome(cell: Option<&CaseStatus>) -> &'static str {
    match cell {
        Some(CaseStatus::Passed(_)) => "ok",
        Some(CaseStatus::Failed(_)) => "FAIL",
        Some(CaseStatus::Skipped(_)) => "skip",
        None => "absent",
    }
}
