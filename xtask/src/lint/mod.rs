//! `cargo xtask lint`: what can be said about the driver's image, package and headers without running them.

mod headers;
mod inf;
mod makefile;
mod pe;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::Format;
use crate::workspace::Workspace;
use crate::{build, setup};

/// The arguments of `cargo xtask lint`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: Format,
}

/// How many checks were made, and one sentence for each that failed.
#[derive(Debug, Default)]
pub(crate) struct Report {
    checks: usize,
    violations: Vec<String>,
}

impl Report {
    /// Counts a check; the sentence is made only if it failed.
    fn check(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        self.checks += 1;
        if !holds {
            self.violations.push(violation());
        }
    }
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    setup::install_missing(setup::Purpose::Build)?;
    let image = build::driver(workspace)?;
    if !build::clippy(workspace)? {
        eprintln!("skipped: the compiler for the driver's target has no clippy");
    }
    let report = lint(workspace, &image)?;
    if args.format.json() {
        println!("{}", json!({ "checks": report.checks, "violations": report.violations }));
    } else {
        for violation in &report.violations {
            println!("{violation}");
        }
        println!("{} checks, {} violations", report.checks, report.violations.len());
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Fails with the violations, if there are any.
pub(crate) fn require(workspace: &Workspace, image: &build::Image) -> Result<()> {
    let report = lint(workspace, image)?;
    ensure!(report.violations.is_empty(), "{}", report.violations.join("\n"));
    eprintln!("{} checks", report.checks);
    Ok(())
}

/// Makes every check.
fn lint(workspace: &Workspace, image: &build::Image) -> Result<Report> {
    let mut report = Report::default();
    pe::check(workspace, image, &mut report)?;
    inf::check(workspace, &mut report)?;
    makefile::check(workspace, &mut report)?;
    headers::check(workspace, &mut report)?;
    Ok(report)
}
