//! Surveys as an HTML page: what fits best, and every decision with a column a survey.

use super::beside::Across;
use super::text::agreeing;
use super::{Beside, Fit, Survey};
use crate::report::html::document;
use maud::{Markup, html};

impl Beside<'_> {
    /// The page.
    pub fn to_html(&self) -> String {
        let title = match self.0 {
            [(_, survey)] => format!("psimp survey: {}", survey.about),
            several => format!("psimp: {} surveys", several.len()),
        };
        document(&title, &self.body(&title))
    }

    fn body(&self, title: &str) -> Markup {
        let rows = self.rows();
        let differing: Vec<_> = rows.iter().filter(|row| row.differs()).collect();
        html! {
            h1 { (title) }
            @for (file, survey) in self.0 { (summary(file, survey)) }
            @if self.0.len() > 1 {
                section id="differences" {
                    h2 { (self.counts()) }
                    (self.table("differing", &differing))
                }
            }
            section {
                h2 { "All decisions" }
                p.legend { "Below what came: the profiles that say the same." }
                (self.table("matrix", &rows.iter().collect::<Vec<_>>()))
            }
        }
    }

    fn table(&self, id: &str, rows: &[&Across<'_>]) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label=(id) {
                table id=(id) {
                    thead {
                        tr {
                            th scope="col" { "Decision" }
                            @for (file, survey) in self.0 {
                                th scope="col" {
                                    (survey.about)
                                    @if self.0.len() > 1 { " " span.file { (file) } }
                                }
                            }
                        }
                    }
                    tbody {
                        @for row in rows { (across(row)) }
                    }
                }
            }
        }
    }
}

fn across(row: &Across<'_>) -> Markup {
    html! {
        tr {
            th scope="row" { (row.id) " " span.title { (row.title) } }
            @for cell in &row.cells {
                @match cell {
                    None => td.absent { "not in this survey" },
                    Some(row) if row.observed.asked() => td {
                        (row.observed)
                        " " small { (agreeing(row)) }
                    },
                    Some(row) => td.skip { (row.observed) },
                }
            }
        }
    }
}

/// One survey: its profiles, and where the best does not fit.
fn summary(file: &str, survey: &Survey) -> Markup {
    html! {
        section {
            h2 { (survey.about) }
            p {
                (file) ", by " (survey.about.psimp) ": " (survey.asked) " of " (survey.decisions.len())
                " decisions asked"
                @if let Some(image) = &survey.about.image { ", image of SHA-256 " code { (image) } }
            }
            pre { (survey.lines().join("\n")) }
            table {
                thead {
                    tr { @for heading in ["Profile", "Says what came", "Describes"] { th scope="col" { (heading) } } }
                }
                tbody {
                    @for Fit { profile, describes, agrees, .. } in &survey.profiles {
                        tr {
                            td { @if survey.best.contains(profile) { strong { (profile) } } @else { (profile) } }
                            td.number { (agrees) }
                            td { (describes) }
                        }
                    }
                }
            }
        }
    }
}
