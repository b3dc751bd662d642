//! `cargo xtask lint`: what can be said about the driver's image, package and headers without running them.

mod headers;
mod inf;
mod makefile;
mod pe;
#[cfg(test)]
mod reference;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use crate::Format;
use crate::workspace::Workspace;
use crate::{build, setup};

pub(crate) use inf::{PATH as INF, require as require_inf};

/// The arguments of `cargo xtask lint`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: Format,
}

/// A rule: its name, with which every violation of it begins, and what it demands.
type Rule = (&'static str, &'static str);

/// How many checks were made, one sentence for each that failed, and what was counted on the way.
#[derive(Debug, Default)]
pub(crate) struct Report {
    checks: usize,
    violations: Vec<String>,
    figures: Vec<(&'static str, Value)>,
    /// The rules that were applied at all.
    applied: Vec<&'static str>,
}

impl Report {
    /// Counts a check of the rule; the sentence is made only if it failed.
    fn check(&mut self, rule: &'static str, holds: bool, violation: impl FnOnce() -> String) {
        self.checks += 1;
        if !self.applied.contains(&rule) {
            self.applied.push(rule);
        }
        if !holds {
            self.violations.push(format!("{rule}: {}", violation()));
        }
    }

    fn figure(&mut self, name: &'static str, value: impl Into<Value>) {
        self.figures.push((name, value.into()));
    }

    fn json(&self) -> Value {
        let figures: Map<_, _> =
            self.figures.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        json!({ "checks": self.checks, "violations": self.violations, "figures": figures })
    }

    fn print(&self) {
        for (name, value) in &self.figures {
            match value {
                Value::Array(lines) => {
                    println!("{name}:");
                    for line in lines {
                        println!("    {}", line.as_str().unwrap_or_default());
                    }
                }
                value => println!("{name}: {value}"),
            }
        }
        for violation in &self.violations {
            println!("{violation}");
        }
        println!("{} checks, {} violations", self.checks, self.violations.len());
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
        println!("{}", report.json());
    } else {
        report.print();
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
