//! `cargo xtask test`: what a change can break, in minutes; with `--full`, everything that CI runs. In order, up to
//! the first failure.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use psimp_rules::Kernel;
use serde_json::{Value, json};

use crate::Format;
use crate::background::Background;
use crate::build::{self, Arch, Image};
use crate::harness::Profile;
use crate::wine::{self, Wine};
use crate::workspace::Workspace;
use crate::{bundle, exec, explorer, fuzz, lint, mutants, page, reproduce, setup, walkthroughs, workflows};

const RULES: &[&str] = &["documented", "kernel"];

/// Makes a terminal, which not every container lets it.
const TERMINAL: &[&str] = &["script", "--quiet", "--return", "--command", "true", "/dev/null"];

/// How long each fuzz target runs: enough to see that it does, and that what was found stays fixed.
const FUZZ_SECONDS: u64 = 5;

/// How many cases the user mode of Debian 12's Wine can carry out.
const NATIVE_CASES: u64 = 29;

/// The arguments of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Do all that CI does: also all wrong drivers, arm64, the same bytes from another folder, fuzzing, the whole
    /// sweep of failures, the bundle, and CONTRIBUTING.md followed
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    format: Format,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> ExitCode {
    let mut steps = Steps::default();
    let outcome = run(workspace, &mut steps, args.full);
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
        print!("{steps}");
        println!("{passed} passed, {failed} failed, {skipped} skipped");
    }
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(workspace: &Workspace, steps: &mut Steps, full: bool) -> Result<()> {
    let purpose = if full { setup::Purpose::Full } else { setup::Purpose::Test };
    steps.run("setup", || setup::install_missing(purpose).map(drop))?;
    steps.run("format", || cargo(workspace, &["fmt", "--all", "--check"]))?;
    steps.run("lock files are current", || lock_files(workspace))?;
    steps.run("modules: no circles", || lint::require_no_circles(workspace))?;
    let image = steps.run("driver", || build::driver(workspace))?;
    steps.run("driver: lint", || lint::require(workspace, &image, Arch::X64))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    steps.run("clippy", || cargo(workspace, &clippy))?;
    steps.run_if("drivers: clippy", || cross_clippy(build::clippy(workspace)))?;
    steps.run("documentation", || {
        let mut cargo = workspace.cargo(&["doc", "--workspace", "--no-deps"]);
        exec::run(cargo.env("RUSTDOCFLAGS", "-Dwarnings"))
    })?;
    // Building a mutant uses one processor; this uses the others.
    let compiling =
        Background::start(compiled_meanwhile(workspace, full)?, &workspace.target.join("tests.log"))?;
    let choice = if full { mutants::Choice::All } else { mutants::Choice::Sample };
    let mutants = steps.run("mutants", || mutants::build(workspace, choice))?;
    let malicious = steps.run("malicious driver", || build::malicious(workspace))?;
    let minimal = steps.run("minimal driver", || build::minimal(workspace))?;
    steps.run("compiled meanwhile", || compiling.end())?;
    // Tests that need images find them through the environment; without --include-ignored none is run.
    let mut tests = workspace.cargo(&["test", "--workspace", "--", "--include-ignored"]);
    tests.env("PSIMP_SYS", &image.path).env("PSIMP_MUTANTS", &mutants);
    tests.env("PSIMP_MALICIOUS", &malicious.path);
    if !full {
        // What follows does that for the sample.
        tests.args(["--skip", "every_mutant_is_caught_by_name"]);
    }
    if let Err(error) = exec::stdout(Command::new(TERMINAL[0]).args(&TERMINAL[1..])) {
        tests.args(["--skip", "terminal::"]);
        steps.skip("tests on a terminal", format!("{error:#}"));
    }
    steps.run("tests", || exec::run(&mut tests))?;
    if !full {
        steps.run("mutants: caught", || {
            exec::run(Profile::Dev.built(workspace).args(["mutants", "--sample", "--image-dir"]).arg(mutants))
        })?;
    }
    steps.run("host: a driver that knows nothing of psimp", || example(workspace, &minimal))?;
    windows(workspace, &image, steps, full)?;
    if full { rest(workspace, &image, steps) } else { Ok(()) }
}

/// What a change seldom breaks, or takes long.
fn rest(workspace: &Workspace, image: &Image, steps: &mut Steps) -> Result<()> {
    steps.run("driver: same bytes from another folder", || reproduce::check(workspace, image, Arch::X64))?;
    let arm64 = steps.run("driver for arm64", || build::driver_for(workspace, Arch::Arm64))?;
    steps.run("driver for arm64: same bytes from another folder", || {
        reproduce::check(workspace, &arm64, Arch::Arm64)
    })?;
    steps.run("driver for arm64: lint", || lint::require(workspace, &arm64, Arch::Arm64))?;
    match fuzz::unavailable() {
        None => steps.run("fuzz", || fuzz::require(workspace, image, FUZZ_SECONDS))?,
        Some(reason) => steps.skip("fuzz", reason),
    }
    steps.run("harness", || Profile::Optimized.build(workspace))?;
    steps.run("demo on the image", || demo(Profile::Optimized.command(workspace), image))?;
    for kernel in Kernel::ALL.iter().map(|kernel| kernel.name()) {
        for rules in RULES {
            let name = format!("faults: kernel {kernel}, rules {rules}");
            steps.run(&name, || faults(workspace, image, kernel, rules))?;
        }
    }
    match setup::install_missing(setup::Purpose::Browser) {
        Ok(_) => steps.run("report in Chromium", || page::check(workspace))?,
        Err(error) => steps.skip("report in Chromium", format!("{error:#}")),
    }
    page_of_questions(workspace, steps)?;
    steps.run_if("workflows: schemas", || workflows::check(workspace))?;
    steps.run("psimp.exe for arm64", || psimp_exe_for_arm64(workspace))?;
    steps.run("bundle: same bytes from another folder", || bundle::require(workspace))?;
    steps.run("CONTRIBUTING.md, followed", || walkthroughs::check(workspace))
}

/// The page of questions: built, asked in a browser, and built once more elsewhere.
fn page_of_questions(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let available = setup::install_missing(setup::Purpose::Explorer);
    if let Err(error) = available.and_then(|_| build::wasm_compiler().map(drop)) {
        steps.skip("explorer", format!("{error:#}"));
        return Ok(());
    }
    let page = steps.run("explorer", || explorer::write(workspace))?;
    match setup::install_missing(setup::Purpose::Browser) {
        Ok(_) => steps.run("explorer in Chromium", || page::explorer::check(workspace, &page))?,
        Err(error) => steps.skip("explorer in Chromium", format!("{error:#}")),
    }
    steps.run("explorer: same bytes from another folder", || explorer::reproduce(workspace, &page))
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
fn psimp_exe_for_arm64(workspace: &Workspace) -> Result<()> {
    let program = build::harness_exe_for(workspace, Arch::Arm64)?;
    let loaded = build::loaded_libraries(&program.path)?;
    let strange: Vec<_> = loaded.iter().filter(|name| !OF_WINDOWS.contains(&name.as_str())).collect();
    ensure!(strange.is_empty(), "psimp-arm64.exe needs {strange:?}, which Windows may not have");
    ensure!(!loaded.is_empty(), "llvm-readobj sees no import of psimp-arm64.exe");
    Ok(())
}

/// The harness as a Windows program, under Wine.
fn windows(workspace: &Workspace, image: &Image, steps: &mut Steps, full: bool) -> Result<()> {
    let program = steps.run("psimp.exe", || build::harness_exe(workspace))?;
    steps.run_if("psimp.exe: clippy", || cross_clippy(build::windows_clippy(workspace)))?;
    let wine = steps.run("Wine", || Wine::prepare(workspace, &program))?;
    let kernels = if full { Kernel::ALL } else { &[Kernel::Win10] };
    for kernel in kernels.iter().map(|kernel| kernel.name()) {
        let name = format!("catalogue: model under Wine, kernel {kernel}");
        steps.run(&name, || catalogue(wine.psimp(), "model", kernel).map(drop))?;
    }
    steps.run("catalogue: native under Wine", || {
        let passed = catalogue(wine.psimp(), "native", "win10")?;
        // A Wine with less support would skip more cases.
        ensure!(passed >= NATIVE_CASES, "{passed} cases passed, {NATIVE_CASES} did before");
        Ok(())
    })?;
    steps.run("calls of Windows: unit tests under Wine", || wine.unit_tests(workspace))?;
    steps.run("results as they come under Wine", || wine::results::check(&wine, image))?;
    steps.run("nothing left behind under Wine", || wine::left::check(&wine))?;
    steps.run("callers in C and Rust under Wine", || wine::clients::check(workspace, &wine))?;
    steps.run("survey of Wine", || wine::survey::check(&wine))?;
    steps.run("show under Wine", || wine::show::check(&wine))?;
    steps.run("explain of running tokens under Wine", || wine::explain::check(&wine))?;
    steps.run("driver service under Wine", || wine::driver::check(&wine, image))
}

/// Clippy over code that is compiled for Windows only; says why if it did not run.
fn cross_clippy(ran: Result<bool>) -> Result<Option<String>> {
    Ok((!ran?).then(|| "the compiler for this target has no clippy".to_owned()))
}

/// What is compiled while mutants are built: all that `cargo test --workspace` runs; for the whole test also the
/// optimized harness and what is fuzzed.
fn compiled_meanwhile(workspace: &Workspace, full: bool) -> Result<Vec<Command>> {
    let mut commands = vec![workspace.cargo(&["test", "--workspace", "--no-run"])];
    if full {
        commands.push(Profile::Optimized.cargo(workspace, "build"));
        if fuzz::unavailable().is_none() {
            commands.extend(fuzz::to_build(workspace, false)?);
        }
    }
    Ok(commands)
}

/// The host's example, as docs/host.md describes it.
fn example(workspace: &Workspace, minimal: &Image) -> Result<()> {
    let mut cargo = workspace.cargo(&["run", "-p", "psimp-host", "--example", "load_driver", "--"]);
    let output = cargo.arg(&minimal.path).stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && said == "edcba\n", "the example ended with {}: {said}", output.status);
    Ok(())
}

/// Runs every case on one target that needs no image. The report is read, not only the exit code: a run of no case is
/// no success. Returns how many passed.
fn catalogue(mut harness: Command, target: &str, kernel: &str) -> Result<u64> {
    harness.args(["run", "--target", target, "--kernel", kernel, "--format", "json"]);
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
    let mut harness = Profile::Optimized.command(workspace);
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

    /// A step that returns the reason if it could not run.
    fn run_if(&mut self, name: &str, step: impl FnOnce() -> Result<Option<String>>) -> Result<()> {
        if let Some(reason) = self.run(name, step)? {
            self.done.pop();
            self.skip(name, reason);
        }
        Ok(())
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

/// A line for each step, with its time.
impl std::fmt::Display for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for Step { name, time, end } in &self.done {
            let end = match end {
                End::Passed => "",
                End::Failed => "  FAILED",
                End::Skipped(reason) => &format!("  skipped: {reason}"),
            };
            writeln!(f, "{:>7.1} s  {name}{end}", time.as_secs_f64())?;
        }
        Ok(())
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
        steps.run_if("four", || Ok(Some("no compiler".to_owned()))).expect("no failure");
        steps.run_if("five", || Ok(None)).expect("it passes");
        assert_eq!(steps.count(), [2, 1, 2]);
        let lines = steps.to_string();
        let lines: Vec<_> = lines.lines().map(|line| line.split_once(" s  ").expect("a time").1).collect();
        assert_eq!(
            lines,
            ["one", "two  FAILED", "three  skipped: no such machine", "four  skipped: no compiler", "five"]
        );
        let summary = steps.summary();
        assert_eq!(
            summary.iter().map(|step| step["passed"].as_bool()).collect::<Vec<_>>(),
            [Some(true), Some(false), Some(false), Some(false), Some(true)]
        );
        assert_eq!(summary[2]["skipped"].as_str(), Some("no such machine"));
    }
}
