//! `cargo xtask test`: everything that CI runs, in order, up to the first failure.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use psimp_rules::Kernel;
use serde_json::{Value, json};

use crate::Format;
use crate::background::Background;
use crate::build::{self, Arch, Image};
use crate::wine::{self, Wine};
use crate::workspace::Workspace;
use crate::{bundle, exec, fuzz, harness, lint, mutants, page, reproduce, setup, soak, walkthroughs};

/// What the catalogue runs on: every combination of these.
const TARGETS: &[&str] = &["model", "image"];
const RULES: &[&str] = &["documented", "kernel"];

/// How long each fuzz target runs: enough to see that it does, and that what was found stays fixed.
const FUZZ_SECONDS: u64 = 5;

/// How many cases the user mode of Debian 12's Wine can carry out.
const NATIVE_CASES: u64 = 27;

/// The arguments of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: Format,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> ExitCode {
    let mut steps = Steps::default();
    let outcome = run(workspace, &mut steps);
    let [passed, failed, skipped] = steps.count();
    if let Err(error) = &outcome {
        eprintln!("error: {error:#}");
    }
    if args.format.json() {
        println!(
            "{}",
            json!({ "passed": passed, "failed": failed, "skipped": skipped, "steps": steps.summary() })
        );
    } else {
        println!("{passed} passed, {failed} failed, {skipped} skipped");
    }
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.run("setup", || setup::install_missing(setup::Purpose::Test).map(drop))?;
    steps.run("format", || cargo(workspace, &["fmt", "--all", "--check"]))?;
    steps.run("lock files are current", || lock_files(workspace))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    steps.run("clippy", || cargo(workspace, &clippy))?;
    steps.run("modules: no circles", || lint::require_no_circles(workspace))?;
    steps.run("documentation", || {
        let mut cargo = workspace.cargo(&["doc", "--workspace", "--no-deps"]);
        exec::run(cargo.env("RUSTDOCFLAGS", "-Dwarnings"))
    })?;
    let image = steps.run("driver", || build::driver(workspace))?;
    steps.run("drivers and psimp.exe: clippy", || cross_clippy(workspace))?;
    steps.run("driver: same bytes from another folder", || reproduce::check(workspace, &image, Arch::X64))?;
    steps.run("driver: lint", || lint::require(workspace, &image, Arch::X64))?;
    let arm64 = steps.run("driver for arm64", || build::driver_for(workspace, Arch::Arm64))?;
    steps.run("driver for arm64: same bytes from another folder", || {
        reproduce::check(workspace, &arm64, Arch::Arm64)
    })?;
    steps.run("driver for arm64: lint", || lint::require(workspace, &arm64, Arch::Arm64))?;
    // Building a mutant uses one processor; this uses the others.
    let compiling = Background::start(workspace.cargo(COMPILE_TESTS), &workspace.target.join("tests.log"))?;
    let mutants = steps.run("mutants", || mutants::build_all(workspace))?;
    let malicious = steps.run("malicious driver", || build::malicious(workspace))?;
    let minimal = steps.run("minimal driver", || build::minimal(workspace))?;
    steps.run("tests: compiled meanwhile", || compiling.end())?;
    steps.run("tests", || tests(workspace, &image, &mutants, &malicious))?;
    steps.run("host: a driver that knows nothing of psimp", || example(workspace, &minimal))?;
    match fuzz::unavailable() {
        None => steps.run("fuzz", || fuzz::require(workspace, &image, FUZZ_SECONDS))?,
        Some(reason) => steps.skip("fuzz", reason),
    }
    steps.run("harness", || harness::build(workspace))?;
    for target in TARGETS {
        for kernel in Kernel::ALL.iter().map(|kernel| kernel.name()) {
            for rules in RULES {
                let name = format!("catalogue: {target}, kernel {kernel}, rules {rules}");
                steps.run(&name, || {
                    catalogue(harness::command(workspace), &image, target, kernel, rules).map(drop)
                })?;
            }
        }
    }
    steps.run("demo on the image", || demo(harness::command(workspace), &image))?;
    match setup::install_missing(setup::Purpose::Browser) {
        Ok(_) => steps.run("report in Chromium", || page::check(workspace))?,
        Err(error) => steps.skip("report in Chromium", format!("{error:#}")),
    }
    windows(workspace, &image, steps)?;
    steps.run("bundle: same bytes from another folder", || bundle::require(workspace))?;
    for kernel in Kernel::ALL.iter().map(|kernel| kernel.name()) {
        for rules in RULES {
            let name = format!("faults: kernel {kernel}, rules {rules}");
            steps.run(&name, || faults(workspace, &image, kernel, rules))?;
        }
    }
    steps.run("CONTRIBUTING.md, followed", || walkthroughs::check(workspace))?;
    steps.run("soak", || soak::step(workspace, &image))?;
    Ok(())
}

/// Where the workspaces of the repository are. A stale lock file is updated silently by most commands of
/// cargo, and refused late by the few that take `--locked`.
const WORKSPACES: &[&str] = &["", fuzz::WORKSPACE];

fn lock_files(workspace: &Workspace) -> Result<()> {
    for folder in WORKSPACES {
        let mut cargo = workspace.cargo(&["metadata", "--locked", "--format-version", "1"]);
        exec::stdout(cargo.current_dir(workspace.root.join(folder)))
            .with_context(|| format!("{folder}/Cargo.lock is not current: run cargo metadata there"))?;
    }
    Ok(())
}

/// Libraries of every Windows installation: a program that needs no others runs without further files.
const OF_WINDOWS: &[&str] = &[
    "kernel32.dll",
    "ntdll.dll",
    "advapi32.dll",
    "bcryptprimitives.dll",
    "api-ms-win-core-synch-l1-2-0.dll",
    "netapi32.dll",
    "userenv.dll",
    "ucrtbase.dll",
];

/// The harness for arm64, which cannot run here: it is built, and must import from Windows' own libraries only.
fn arm64(workspace: &Workspace) -> Result<()> {
    let program = build::harness_exe_for(workspace, Arch::Arm64)?;
    let loaded = build::loaded_libraries(&program.path)?;
    let strange: Vec<_> = loaded.iter().filter(|name| !OF_WINDOWS.contains(&name.as_str())).collect();
    ensure!(strange.is_empty(), "psimp-arm64.exe needs {strange:?}, which Windows may not have");
    ensure!(!loaded.is_empty(), "llvm-readobj sees no import of psimp-arm64.exe");
    Ok(())
}

/// The harness as a Windows program, under Wine.
fn windows(workspace: &Workspace, image: &Image, steps: &mut Steps) -> Result<()> {
    let program = steps.run("psimp.exe", || build::harness_exe(workspace))?;
    steps.run("psimp.exe for arm64", || arm64(workspace))?;
    let wine = steps.run("Wine", || Wine::prepare(workspace, &program))?;
    for kernel in Kernel::ALL.iter().map(|kernel| kernel.name()) {
        let name = format!("catalogue: model under Wine, kernel {kernel}");
        steps.run(&name, || catalogue(wine.psimp(), image, "model", kernel, "documented").map(drop))?;
    }
    steps.run("catalogue: native under Wine", || {
        let passed = catalogue(wine.psimp(), image, "native", "win10", "kernel")?;
        // A Wine with less support would skip more cases.
        ensure!(passed >= NATIVE_CASES, "{passed} cases passed, {NATIVE_CASES} did before");
        Ok(())
    })?;
    steps.run("nothing left behind under Wine", || wine::left::check(&wine))?;
    steps.run("show under Wine", || wine::show::check(&wine))?;
    steps.run("driver service under Wine", || wine::driver::check(&wine, image))
}

/// No other step checks code that is compiled for Windows only.
fn cross_clippy(workspace: &Workspace) -> Result<()> {
    if !build::clippy(workspace)? {
        eprintln!("skipped: the compiler for the driver's target has no clippy");
    }
    if !build::windows_clippy(workspace)? {
        eprintln!("skipped: the compiler for psimp.exe has no clippy");
    }
    Ok(())
}

/// Compiles all that `cargo test --workspace` runs.
const COMPILE_TESTS: &[&str] = &["test", "--workspace", "--no-run"];

/// Tests that need images find them through the environment, and skip themselves without.
fn tests(workspace: &Workspace, image: &Image, mutants: &Path, malicious: &Image) -> Result<()> {
    let mut cargo = workspace.cargo(&["test", "--workspace"]);
    cargo.env("PSIMP_SYS", &image.path).env("PSIMP_MUTANTS", mutants);
    exec::run(cargo.env("PSIMP_MALICIOUS", &malicious.path))
}

/// The host's example, as docs/host.md describes it.
fn example(workspace: &Workspace, minimal: &Image) -> Result<()> {
    let mut cargo = workspace.cargo(&["run", "-p", "psimp-host", "--example", "load_driver", "--"]);
    let output = cargo.arg(&minimal.path).stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && said == "edcba\n", "the example ended with {}: {said}", output.status);
    Ok(())
}

/// Runs every case on one target. The report is read, not only the exit code: a run of no case is no success.
/// Returns how many passed.
fn catalogue(mut harness: Command, image: &Image, target: &str, kernel: &str, rules: &str) -> Result<u64> {
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
    Ok(count("passed"))
}

/// Runs the demo. Both its page and its exit code report success.
fn demo(mut harness: Command, image: &Image) -> Result<()> {
    harness.args(["demo", "--target", "image", "--image"]).arg(&image.path);
    let page = exec::stdout(&mut harness)?;
    ensure!(page.ends_with("\nEvery step had the expected outcome.\n"), "the demo prints\n{page}");
    Ok(())
}

/// Makes every call below the driver fail. Here, too, a run of nothing is no success.
fn faults(workspace: &Workspace, image: &Image, kernel: &str, rules: &str) -> Result<()> {
    let mut harness = harness::command(workspace);
    harness.args(["faults", "--kernel", kernel, "--rules", rules, "--format", "json", "--image"]);
    let output = harness.arg(&image.path).stderr(Stdio::inherit()).output()?;
    let report: Value = serde_json::from_slice(&output.stdout).context("the harness printed no figures")?;
    let count = |key: &str| report[key].as_u64().unwrap_or(0);
    let [sites, runs, failures, leaks] = ["sites", "runs", "failures", "leaks"].map(count);
    eprintln!("{sites} call stacks, {runs} runs, {failures} failures, {leaks} leaks");
    ensure!(
        output.status.success() && failures == 0 && leaks == 0,
        "the harness ended with {}",
        output.status
    );
    ensure!(runs > sites && sites > 0, "hardly a call failed");
    Ok(())
}

fn cargo(workspace: &Workspace, args: &[&str]) -> Result<()> {
    exec::run(&mut workspace.cargo(args))
}

/// The steps taken so far, the last of which may have failed.
#[derive(Debug, Default)]
struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    time: Duration,
    end: End,
}

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    /// This machine lacks something, for the reason given.
    Skipped(String),
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
        let end = if outcome.is_ok() { End::Passed } else { End::Failed };
        self.done.push(Step { name: name.to_owned(), time, end });
        outcome.with_context(|| format!("the step «{name}» failed"))
    }

    fn skip(&mut self, name: &str, reason: String) {
        eprintln!("\n=== {name}: skipped: {reason}");
        self.done.push(Step { name: name.to_owned(), time: Duration::ZERO, end: End::Skipped(reason) });
    }

    /// How many passed, failed and were skipped.
    fn count(&self) -> [usize; 3] {
        let [mut passed, mut failed, mut skipped] = [0; 3];
        for step in &self.done {
            match step.end {
                End::Passed => passed += 1,
                End::Failed => failed += 1,
                End::Skipped(_) => skipped += 1,
            }
        }
        [passed, failed, skipped]
    }

    fn summary(&self) -> Vec<Value> {
        let reason = |end: &End| match end {
            End::Skipped(reason) => Some(reason.clone()),
            End::Passed | End::Failed => None,
        };
        let step = |Step { name, time, end }: &Step| {
            json!({
                "name": name,
                "seconds": time.as_secs_f64(),
                "passed": *end == End::Passed,
                "skipped": reason(end),
            })
        };
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
        steps.skip("three", "no such machine".to_owned());
        assert_eq!(steps.count(), [1, 1, 1]);
        let summary = steps.summary();
        assert_eq!(
            summary.iter().map(|step| step["passed"].as_bool()).collect::<Vec<_>>(),
            [Some(true), Some(false), Some(false)]
        );
        assert_eq!(summary[2]["skipped"].as_str(), Some("no such machine"));
    }
}
