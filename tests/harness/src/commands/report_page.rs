//! The page of `psimp run --report` and `psimp report --html`: runs, with what the catalogue knows of their cases.

use super::explain;
use crate::cli::{Rules, Target};
use crate::report::html::Page;
use crate::report::{Sheet, counted};
use crate::result::RunResult;
use crate::run::rule_that_decides;
use psimp_catalogue::{Body, Case};
use std::collections::HashMap;

/// The page. `compared` if the runs should have come alike.
pub(super) fn page(sheet: &Sheet<'_>, compared: bool) -> String {
    let known: HashMap<_, _> = psimp_catalogue::cases().into_iter().map(|case| (case.id, case)).collect();
    let (cases, runs) = (counted(sheet.rows.len(), "case"), counted(sheet.columns.len(), "run"));
    let page = Page {
        title: &format!("psimp: {cases}, {runs}"),
        sheet,
        compared,
        told: &|id| known.get(id).map(explain::text),
        rule: &|id, run| rule(known.get(id)?, run),
    };
    page.to_html()
}

/// The rule that decided a case that came as expected, with the profile whose it is.
fn rule(case: &Case, run: &RunResult) -> Option<String> {
    let Body::Decision(row) = case.body else { return None };
    let rules = match run.target {
        // Without a driver the kernel decides alone.
        Target::Native => Rules::Kernel,
        Target::Model | Target::Image | Target::Device => run.rules,
    };
    rule_that_decides(row, run.kernel, rules.mode())
}
