//! `cargo xtask lint`: what can be checked of the driver's image, package and headers, and of the modules' imports,
//! without running anything.

mod cargo_wdk;
mod circles;
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
use crate::build::Arch;
use crate::workspace::Workspace;
use crate::{build, setup};

pub(crate) use circles::require as require_no_circles;
pub(crate) use inf::{PATH as INF, for_arch as inf_for_arch, require as require_inf};
pub(crate) use pe::clear_symbols;

/// The version of the workspace in the four parts that an INF and an image want.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), ".0");

/// The arguments of `cargo xtask lint`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which image to check; of the one for arm64 the file is read, and its code is not followed
    #[arg(long, value_enum, default_value_t)]
    arch: Arch,
    /// Check only that no modules import from each other in a circle, which needs no image
    #[arg(long, conflicts_with = "arch")]
    circles: bool,
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
    let mut report = Report::default();
    circles::check(workspace, &mut report)?;
    if !args.circles {
        setup::install_missing(setup::Purpose::Build)?;
        let image = build::driver_for(workspace, args.arch)?;
        if args.arch == Arch::X64 && !build::clippy(workspace)? {
            eprintln!("skipped: the compiler for the driver's target has no clippy");
        }
        check(workspace, &image, args.arch, &mut report)?;
    }
    if args.format.json() {
        println!("{}", report.json());
    } else {
        report.print();
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Fails with the violations, if there are any.
pub(crate) fn require(workspace: &Workspace, image: &build::Image, arch: Arch) -> Result<()> {
    let mut report = Report::default();
    check(workspace, image, arch, &mut report)?;
    ensure!(report.violations.is_empty(), "{}", report.violations.join("\n"));
    eprintln!("{} checks, {} rules not applicable", report.checks, pe::not_applicable(arch).count());
    Ok(())
}

/// Makes every check of the driver.
fn check(workspace: &Workspace, image: &build::Image, arch: Arch, report: &mut Report) -> Result<()> {
    pe::check(workspace, image, arch, report)?;
    inf::check(workspace, arch, report)?;
    makefile::check(workspace, report)?;
    cargo_wdk::check(workspace, report)?;
    headers::check(workspace, arch, report)
}
