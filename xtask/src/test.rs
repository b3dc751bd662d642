//! `cargo xtask test`: everything that CI runs, in order, up to the first failure.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::Format;
use crate::build::{self, Image};
use crate::workspace::{self, Workspace};
use crate::{exec, harness, lint, mutants, reproduce, setup, soak};

/// What the catalogue runs on: every combination of these.
const TARGETS: [&str; 2] = ["model", "image"];
const KERNELS: [&str; 3] = ["win10", "nt52", "documented"];
const RULES: [&str; 2] = ["documented", "kernel"];

/// The arguments of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: Format,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> ExitCode {
    let mut steps = Steps::default();
    let outcome = run(workspace, &mut steps);
    let failed = usize::from(outcome.is_err());
    let passed = steps.done.len() - failed;
    if let Err(error) = &outcome {
        eprintln!("error: {error:#}");
    }
    if args.format.json() {
        println!("{}", json!({ "passed": passed, "failed": failed, "steps": steps.summary() }));
    } else {
        println!("{passed} passed, {failed} failed");
    }
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.run("setup", || setup::install_missing(setup::Purpose::Test).map(drop))?;
    steps.run("format", || cargo(workspace, &["fmt", "--all", "--check"]))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    steps.run("clippy", || cargo(workspace, &clippy))?;
    steps.run("documentation", || {
        let mut cargo = command(workspace, &["doc", "--workspace", "--no-deps"]);
        exec::run(cargo.env("RUSTDOCFLAGS", "-Dwarnings"))
    })?;
    let image = steps.run("driver", || build::driver(workspace))?;
    steps.run("driver: clippy", || clippy_of_the_driver(workspace))?;
    steps.run("driver: same bytes from another folder", || reproduce::check(workspace, &image))?;
    steps.run("driver: lint", || lint::require(workspace, &image))?;
    let mutants = steps.run("mutants", || mutants::build_all(workspace))?;
    steps.run("tests", || tests(workspace, &image, &mutants))?;
    steps.run("harness", || harness::build(workspace))?;
    for target in TARGETS {
        for kernel in KERNELS {
            for rules in RULES {
                let name = format!("catalogue: {target}, kernel {kernel}, rules {rules}");
                steps.run(&name, || catalogue(workspace, &image, target, kernel, rules))?;
            }
        }
    }
    steps.run("soak", || soak::step(workspace, &image))?;
    Ok(())
}

fn clippy_of_the_driver(workspace: &Workspace) -> Result<()> {
    if !build::clippy(workspace)? {
        eprintln!("skipped: the compiler for the driver's target has no clippy");
    }
    Ok(())
}

/// Tests that need the image or the mutants find them through the environment, and skip themselves without.
fn tests(workspace: &Workspace, image: &Image, mutants: &Path) -> Result<()> {
    let mut cargo = command(workspace, &["test", "--workspace"]);
    exec::run(cargo.env("PSIMP_SYS", &image.path).env("PSIMP_MUTANTS", mutants))
}

/// Runs every case on one target. The report is read, not only the exit code: a run of no case is no success.
fn catalogue(workspace: &Workspace, image: &Image, target: &str, kernel: &str, rules: &str) -> Result<()> {
    let mut harness = harness::command(workspace);
    harness.args(["run", "--target", target, "--kernel", kernel, "--rules", rules, "--format", "json"]);
    if target == "image" {
        harness.arg("--image").arg(&image.path);
    }
    let output = harness.stderr(Stdio::inherit()).output()?;
    let report: Value = serde_json::from_slice(&output.stdout).context("the harness printed no report")?;
    for case in report["cases"].as_array().into_iter().flatten().filter(|case| case["status"] == "failed") {
        let text = |key: &str| case[key].as_str().unwrap_or_default();
        eprintln!("{} {}: {}", text("id"), text("title"), text("reason"));
    }
    let count = |key: &str| report["summary"][key].as_u64().unwrap_or(0);
    eprintln!("{} passed, {} failed, {} skipped", count("passed"), count("failed"), count("skipped"));
    ensure!(output.status.success() && count("failed") == 0, "the harness ended with {}", output.status);
    ensure!(count("passed") > 0, "no case was run");
    Ok(())
}

fn command(workspace: &Workspace, args: &[&str]) -> Command {
    let mut cargo = Command::new(workspace::cargo());
    cargo.current_dir(&workspace.root).args(args);
    cargo
}

fn cargo(workspace: &Workspace, args: &[&str]) -> Result<()> {
    exec::run(&mut command(workspace, args))
}

/// The steps taken so far, the last of which may have failed.
#[derive(Debug, Default)]
struct Steps {
    done: Vec<(String, Duration, bool)>,
}

impl Steps {
    fn run<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let outcome = step();
        let time = start.elapsed();
        eprintln!(
            "=== {name}: {} in {:.1} s",
            if outcome.is_ok() { "passed" } else { "FAILED" },
            time.as_secs_f64()
        );
        self.done.push((name.to_owned(), time, outcome.is_ok()));
        outcome.with_context(|| format!("the step «{name}» failed"))
    }

    fn summary(&self) -> Vec<Value> {
        let step = |(name, time, passed): &(String, Duration, bool)| json!({ "name": name, "seconds": time.as_secs_f64(), "passed": passed });
        self.done.iter().map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::Steps;

    #[test]
    fn a_failed_step_is_named_and_counted() {
        let mut steps = Steps::default();
        assert_eq!(steps.run("one", || Ok(1)).expect("it passes"), 1);
        let error =
            steps.run("two", || -> anyhow::Result<()> { bail!("no such thing") }).expect_err("it fails");
        assert_eq!(format!("{error:#}"), "the step «two» failed: no such thing");
        let summary = steps.summary();
        assert_eq!(
            (summary[0]["passed"].as_bool(), summary[1]["passed"].as_bool()),
            (Some(true), Some(false))
        );
    }
}
