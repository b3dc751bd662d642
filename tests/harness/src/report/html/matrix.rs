//! All cases against all runs.

use maud::{Markup, html};

use super::super::sheet::{Column, Row, outcome};
use super::super::{group_heading, group_letter};
use super::{Page, mark, outcomes};
use crate::result::CaseStatus;

impl Page<'_> {
    /// A row a case, a column a run.
    pub(super) fn matrix(&self, groups: &[&[Row<'_>]]) -> Markup {
        let columns = &self.sheet.columns;
        html! {
            section {
                h2 { "All cases" }
                p.legend {
                    "✓ ok: all came as expected. ✗ FAIL: something did not. – skip: it cannot run there. "
                    "· absent: it was not asked for. Below an outcome: the profile that decided, and by which rule."
                }
                div.scroll tabindex="0" role="region" aria-label="All cases" {
                    table id="matrix" {
                        thead {
                            tr {
                                th scope="col" { "Case" }
                                @for column in columns { th scope="col" { (heading(column)) } }
                            }
                        }
                        @for rows in groups {
                            tbody data-block {
                                tr.group {
                                    th scope="rowgroup" colspan=(columns.len() + 1) { (group_heading(rows[0].id)) }
                                }
                                @for row in *rows { (self.row(row)) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn row(&self, row: &Row<'_>) -> Markup {
        html! {
            tr data-group=(group_letter(row.id)) data-outcomes=(outcomes(row)) {
                th scope="row" { a href={ "#case-" (row.id) } { (row.id) } " " span.title { (row.title) } }
                @for (column, cell) in self.sheet.columns.iter().zip(&row.cells) {
                    td class=(outcome(*cell)) {
                        (mark(*cell))
                        @if let Some(rule) = self.deciding(row.id, column, *cell) { small { (rule) } }
                    }
                }
            }
        }
    }

    /// The rule that decided, if one did.
    pub(super) fn deciding(
        &self,
        id: &str,
        column: &Column<'_>,
        cell: Option<&CaseStatus>,
    ) -> Option<String> {
        match cell? {
            CaseStatus::Passed(_) => (self.rule)(id, column.run),
            CaseStatus::Failed(mismatches) => mismatches.iter().find_map(|mismatch| mismatch.rule.clone()),
            CaseStatus::Skipped(_) => None,
        }
    }
}

/// What distinguishes a run from the others.
pub(super) fn heading(column: &Column<'_>) -> Markup {
    html! {
        (column.run.target_words()) " " (column.run.kernel) " " (column.run.rules)
        @if let Some(file) = column.file { " " span.file { (file) } }
    }
}
