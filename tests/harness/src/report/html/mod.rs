//! Runs side by side as one HTML page that needs no network, no other file, and no script to be read. All text
//! is escaped by maud.

mod case;
mod matrix;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::sheet::{Row, Sheet, outcome};
use super::{group_heading, group_letter};
use crate::result::{CaseStatus, Origin, RunResult};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a page shows.
pub struct Page<'a> {
    /// Its heading.
    pub title: &'a str,
    /// The runs.
    pub sheet: &'a Sheet<'a>,
    /// Whether the runs are compared: then the page begins with the differences.
    pub compared: bool,
    /// Setup, calls and rules tried of the case with this id; nothing for an unknown id.
    pub told: &'a dyn Fn(&str) -> Option<String>,
    /// The rule that decided the case with this id, if it passed in this run and one did.
    pub rule: &'a dyn Fn(&str, &RunResult) -> Option<String>,
}

/// A page that fetches nothing.
pub(crate) fn document(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Even if unescaped text got in, nothing would be fetched.
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

impl Page<'_> {
    /// The page.
    pub fn to_html(&self) -> String {
        let groups: Vec<_> =
            self.sheet.rows.chunk_by(|a, b| group_letter(a.id) == group_letter(b.id)).collect();
        let body = html! {
            h1 { (self.title) }
            (self.runs())
            @if self.compared { (self.differences()) }
            (self.filter(&groups))
            (self.matrix(&groups))
            section id="cases" {
                h2 { "Case by case" }
                @for rows in &groups { (self.group(rows)) }
            }
            script { (PreEscaped(SCRIPT)) }
        };
        document(self.title, &body)
    }

    /// What ran.
    fn runs(&self) -> Markup {
        html! {
            table id="runs" {
                caption { "The runs" }
                thead {
                    tr {
                        @for heading in ["Target", "Kernel", "Rules", "Passed", "Failed", "Skipped", "Total", "Psimp", "From"] {
                            th scope="col" { (heading) }
                        }
                    }
                }
                tbody {
                    @for column in &self.sheet.columns {
                        @let counts = column.run.summary();
                        tr {
                            td { (column.run.target_words()) }
                            td { (column.run.kernel) }
                            td { (column.run.rules) }
                            td.number { (counts.passed) }
                            td.number { (counts.failed) }
                            td.number { (counts.skipped) }
                            td.number { (column.run.cases.len()) }
                            td {
                                @if let Some(Origin { version, commit }) = &column.run.psimp {
                                    (version)
                                    @if let Some(commit) = commit { " " code { (commit) } }
                                }
                            }
                            td {
                                @if let Some(file) = column.file { (file) " " }
                                @if let Some(image) = &column.run.image {
                                    (image.path) ", SHA-256 " code { (image.sha256) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Every case that differs between the runs.
    fn differences(&self) -> Markup {
        let rows: Vec<_> = self.sheet.differences().collect();
        html! {
            section id="differences" data-block {
                h2 { (self.sheet.how_many_differ()) }
                @let origins = self.sheet.origins();
                @if !origins.is_empty() {
                    p { "The runs do not come from the same builds:" }
                    ul { @for origin in &origins { li { (origin) } } }
                }
                @for row in rows {
                    article data-group=(group_letter(row.id)) data-outcomes=(outcomes(row)) {
                        h3 { a href={ "#case-" (row.id) } { (row.id) } " " (row.title) }
                        (self.observed(row))
                    }
                }
            }
        }
    }

    /// The filter, hidden until the script shows it.
    fn filter(&self, groups: &[&[Row<'_>]]) -> Markup {
        let absent = self.sheet.rows.iter().any(|row| row.cells.iter().any(Option::is_none));
        html! {
            form id="filter" hidden {
                label {
                    "Group "
                    select name="group" {
                        option value="" { "all" }
                        @for rows in groups {
                            option value=(group_letter(rows[0].id)) { (group_heading(rows[0].id)) }
                        }
                    }
                }
                label {
                    "Outcome "
                    select name="outcome" {
                        option value="" { "any" }
                        option value="FAIL" { "FAIL somewhere" }
                        option value="ok" { "ok somewhere" }
                        option value="skip" { "skip somewhere" }
                        @if absent { option value="absent" { "absent somewhere" } }
                        @if self.sheet.columns.len() > 1 {
                            option value="differs" { "not the same everywhere" }
                        }
                    }
                }
                output name="shown" {}
            }
        }
    }
}

/// The outcomes of a row, for the filter.
fn outcomes(row: &Row<'_>) -> String {
    let mut words: Vec<_> = row.cells.iter().map(|cell| outcome(*cell)).collect();
    words.sort_unstable();
    words.dedup();
    if row.differs() {
        words.push("differs");
    }
    words.join(" ")
}

/// The outcome as a sign and a word, so that it does not depend on colours.
fn mark(cell: Option<&CaseStatus>) -> Markup {
    let sign = match cell {
        Some(CaseStatus::Passed(_)) => "✓",
        Some(CaseStatus::Failed(_)) => "✗",
        Some(CaseStatus::Skipped(_)) => "–",
        None => "·",
    };
    html! { span.mark { span aria-hidden="true" { (sign) } " " (outcome(cell)) } }
}
