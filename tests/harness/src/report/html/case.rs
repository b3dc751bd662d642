//! One case: what it does, and its results.

use maud::{Markup, html};

use super::super::sheet::{Column, Row, outcome};
use super::super::{group_heading, group_letter};
use super::matrix::heading;
use super::{Page, mark, outcomes};
use crate::result::{CaseStatus, Mismatch};

impl Page<'_> {
    /// Neighbouring cases of one group.
    pub(super) fn group(&self, rows: &[Row<'_>]) -> Markup {
        html! {
            section data-block {
                h3 { (group_heading(rows[0].id)) }
                @for row in rows {
                    details id={ "case-" (row.id) } data-group=(group_letter(row.id)) data-outcomes=(outcomes(row)) {
                        summary { b { (row.id) } " " (row.title) }
                        h4 { "Expected and observed" }
                        (self.observed(row))
                        h4 { "What it does" }
                        @match (self.told)(row.id) {
                            Some(text) => pre { (text) },
                            None => p { "This psimp has no such case." },
                        }
                    }
                }
            }
        }
    }

    /// The results in each run.
    pub(super) fn observed(&self, row: &Row<'_>) -> Markup {
        html! {
            table.observed {
                thead { tr { th scope="col" { "Run" } th scope="col" { "Outcome" } th scope="col" { "Observed" } } }
                tbody {
                    @for (column, cell) in self.sheet.columns.iter().zip(&row.cells) {
                        tr {
                            th scope="row" { (heading(column)) }
                            td class=(outcome(*cell)) { (mark(*cell)) }
                            td { (self.words(row.id, column, *cell)) }
                        }
                    }
                }
            }
        }
    }

    fn words(&self, id: &str, column: &Column<'_>, cell: Option<&CaseStatus>) -> Markup {
        html! {
            @match cell {
                None => "not asked for",
                Some(CaseStatus::Skipped(reason)) => (reason),
                Some(CaseStatus::Passed(words)) => {
                    "as expected" @if !words.is_empty() { ": " (words) }
                    @if let Some(rule) = self.deciding(id, column, cell) { p { "decided by " (rule) } }
                },
                Some(CaseStatus::Failed(mismatches)) => @for mismatch in mismatches { (difference(mismatch)) },
            }
        }
    }
}

fn difference(mismatch: &Mismatch) -> Markup {
    html! {
        dl {
            dt { "where" } dd { (mismatch.what) }
            dt { "expected" } dd { (mismatch.expected) }
            dt { "observed" } dd { (mismatch.observed) }
            @if let Some(rule) = &mismatch.rule { dt { "rule" } dd { (rule) } }
        }
    }
}
