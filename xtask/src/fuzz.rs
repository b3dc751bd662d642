//! `cargo xtask fuzz`: libFuzzer on the targets of `tests/fuzz`, over the driver's service; then a replay of
//! all inputs that were found, over the service and over psimp.sys.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::builder::PossibleValuesParser;
use serde_json::json;

use crate::Format;
use crate::build::{self, Image, Tool};
use crate::cargo_tool::CargoTool;
use crate::workspace::Workspace;
use crate::{exec, setup};

/// The targets of `psimp_fuzz::TARGETS`; each is a program in `tests/fuzz/libfuzzer`.
const TARGETS: &[&str] = &["ioctl", "program", "image", "descriptor"];

/// The workspace of those programs, which has a lock file of its own.
pub(crate) const WORKSPACE: &str = "tests/fuzz/libfuzzer";

const CARGO_FUZZ: CargoTool = CargoTool { name: "fuzz", version: "0.13.2" };

/// The exit code for what this machine cannot do, as `psimp` has it.
const UNAVAILABLE: u8 = 3;

/// The arguments of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to fuzz; everything when nothing is named
    #[arg(value_parser = PossibleValuesParser::new(TARGETS))]
    targets: Vec<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u64,
    /// Watch memory with `AddressSanitizer` too, at a sixth of the speed
    #[arg(long)]
    asan: bool,
    #[command(flatten)]
    format: Format,
}

/// The result of one target.
#[derive(Debug)]
pub(crate) struct Run {
    name: String,
    executions: u64,
    time: Duration,
    /// The input that failed: libFuzzer ends with the first one.
    finding: Option<PathBuf>,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    setup::install_missing(setup::Purpose::Build)?;
    if let Err(missing) = install_missing() {
        eprintln!("error: {missing:#}");
        return Ok(ExitCode::from(UNAVAILABLE));
    }
    let targets: Vec<_> = args.targets.iter().map(String::as_str).collect();
    let targets = if targets.is_empty() { TARGETS } else { &targets };
    let image = build::driver(workspace)?;
    let runs = run(workspace, targets, args.seconds, args.asan)?;
    let differs = replay(workspace, &image).is_err();
    let findings = runs.iter().filter(|run| run.finding.is_some()).count() + usize::from(differs);
    if args.format.json() {
        let targets: Vec<_> = runs.iter().map(Run::json).collect();
        println!("{}", json!({ "targets": targets, "replay": !differs, "findings": findings }));
    } else {
        for run in &runs {
            println!("{run}");
        }
        println!("replay on psimp.sys: {}", if differs { "FAILED" } else { "no difference" });
        println!("{findings} findings");
    }
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs every target for so many seconds, then what they found on the image; fails with the first finding.
pub(crate) fn require(workspace: &Workspace, image: &Image, seconds: u64) -> Result<()> {
    let runs = run(workspace, TARGETS, seconds, false)?;
    for run in &runs {
        eprintln!("{run}");
    }
    if let Some(run) = runs.iter().find(|run| run.finding.is_some()) {
        bail!("{run}");
    }
    replay(workspace, image)
}

/// Makes sure that there is a nightly toolchain.
fn install_missing() -> Result<()> {
    require_cxx()?;
    if works(nightly("rustc").arg("--version")) {
        return Ok(());
    }
    setup::agree("rustup toolchain install nightly --profile minimal", false)?;
    exec::run(Command::new("rustup").args(["toolchain", "install", "nightly", "--profile", "minimal"]))
}

/// Why this machine cannot fuzz, unless it can. A toolchain is not installed for a test.
pub(crate) fn unavailable() -> Option<String> {
    if !works(nightly("rustc").arg("--version")) {
        return Some("no nightly toolchain; rustup toolchain install nightly".to_owned());
    }
    require_cxx().err().map(|error| format!("{error:#}"))
}

/// libFuzzer itself is C++.
fn require_cxx() -> Result<()> {
    Tool::Cxx.path().map(drop)
}

fn works(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// A program of the nightly toolchain.
fn nightly(program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", program]);
    command
}

fn run(workspace: &Workspace, targets: &[&str], seconds: u64, asan: bool) -> Result<Vec<Run>> {
    for mut command in to_build(workspace, asan)? {
        exec::run(&mut command)?;
    }
    let programs = folder(workspace, asan).join(host()?).join("release");
    targets.iter().map(|name| run_one(workspace, programs.join(name), name, seconds)).collect()
}

/// What builds the targets: the command of cargo for it if it is missing, their dependencies, and they themselves.
pub(crate) fn to_build(workspace: &Workspace, asan: bool) -> Result<Vec<Command>> {
    let triple = host()?;
    // Where Cargo.lock is not current, this fails; cargo-fuzz would update it silently.
    let mut fetch = nightly("cargo");
    fetch.current_dir(workspace.root.join(WORKSPACE)).args(["fetch", "--locked", "--target", &triple]);
    let mut build = nightly("cargo");
    build.env("PATH", CargoTool::search(workspace)?).current_dir(&workspace.root);
    build.args(["fuzz", "build", "--sanitizer", sanitizer(asan), "--target", &triple]);
    build.args(["--fuzz-dir", WORKSPACE, "--target-dir"]).arg(folder(workspace, asan));
    Ok(CARGO_FUZZ.install(workspace)?.into_iter().chain([fetch, build]).collect())
}

fn sanitizer(asan: bool) -> &'static str {
    if asan { "address" } else { "none" }
}

/// Where the targets are built.
fn folder(workspace: &Workspace, asan: bool) -> PathBuf {
    workspace.target.join("fuzz").join(sanitizer(asan))
}

fn run_one(workspace: &Workspace, program: PathBuf, name: &str, seconds: u64) -> Result<Run> {
    let found = corpora(workspace).join(name);
    let artifacts = workspace.target.join("fuzz/artifacts").join(name);
    exec::create_dir(&found)?;
    exec::create_dir(&artifacts)?;
    let kept = ["seeds", "corpus", "regressions"].map(|kind| workspace.root.join("tests/fuzz").join(kind));
    let mut command = Command::new(program);
    command
        .arg(format!("-max_total_time={seconds}"))
        .args(["-print_final_stats=1", "-timeout=10", "-rss_limit_mb=4096"])
        // With a separator at the end it is a folder.
        .arg(format!("-artifact_prefix={}", artifacts.join("").display()))
        .arg(found)
        .args(kept.iter().map(|folder| folder.join(name)).filter(|folder| folder.exists()));
    eprintln!("fuzzing {name} for {seconds} s");
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().with_context(|| exec::shown(&command))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let path = workspace.target.join(format!("fuzz/{name}.log"));
    fs::write(&path, log.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    let run = Run {
        name: name.to_owned(),
        executions: after(&log, "stat::number_of_executed_units:").and_then(|n| n.parse().ok()).unwrap_or(0),
        time: start.elapsed(),
        finding: after(&log, "Test unit written to ").map(PathBuf::from),
    };
    if let Some(finding) = &run.finding {
        let message = log.lines().skip_while(|line| !line.contains("panicked at")).take(20);
        eprintln!("{name} fails on {}:", finding.display());
        message
            .take_while(|line| !line.starts_with("stack backtrace"))
            .for_each(|line| eprintln!("  {line}"));
    } else {
        ensure!(output.status.success(), "{name} ended with {}; see {}", output.status, path.display());
    }
    ensure!(run.finding.is_some() || run.executions > 0, "{name} ran nothing; see {}", path.display());
    Ok(run)
}

/// The replay test, over the stored inputs and those found meanwhile.
fn replay(workspace: &Workspace, image: &Image) -> Result<()> {
    let mut cargo = workspace.cargo(&["test", "--workspace", "--test", "replay", "--", "--include-ignored"]);
    exec::run(cargo.env("PSIMP_SYS", &image.path).env("PSIMP_CORPUS", corpora(workspace)))
}

/// Where libFuzzer stores inputs that reach new code.
fn corpora(workspace: &Workspace) -> PathBuf {
    workspace.target.join("fuzz/corpus")
}

/// The target triple of this machine.
fn host() -> Result<String> {
    let version = exec::stdout(nightly("rustc").arg("-vV"))?;
    after(&version, "host: ").map(str::to_owned).context("rustc -vV names no host")
}

/// The rest of the first line that contains the label.
fn after<'t>(text: &'t str, label: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.split_once(label)).map(|(_, rest)| rest.trim())
}

impl Run {
    fn per_second(&self) -> u64 {
        u64::try_from(u128::from(self.executions) * 1000 / self.time.as_millis().max(1)).unwrap_or(u64::MAX)
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "name": self.name,
            "executions": self.executions,
            "seconds": self.time.as_secs_f64(),
            "per_second": self.per_second(),
            "finding": self.finding,
        })
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, executions, .. } = self;
        write!(f, "{name:<10} {executions:>10} executions, {} a second, ", self.per_second())?;
        match &self.finding {
            None => f.write_str("no finding"),
            Some(path) => write!(f, "FAILED on {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, after};

    #[test]
    fn the_log_is_read() {
        let log = "#5 DONE\nstat::number_of_executed_units: 4711\nartifact_prefix='a/'; Test unit written to a/crash-1\n";
        assert_eq!(after(log, "stat::number_of_executed_units:"), Some("4711"));
        assert_eq!(after(log, "Test unit written to "), Some("a/crash-1"));
        assert_eq!(after(log, "host: "), None);
    }

    /// The list, the programs and the functions are the same targets.
    #[test]
    fn every_target_has_a_program() {
        let manifest: toml::Table =
            include_str!("../../tests/fuzz/libfuzzer/Cargo.toml").parse().expect("TOML");
        let programs = manifest["bin"].as_array().expect("programs");
        let names: Vec<_> = programs.iter().filter_map(|program| program["name"].as_str()).collect();
        assert_eq!(names, TARGETS);
        let library = include_str!("../../tests/fuzz/src/lib.rs");
        let functions = library.split("name: \"").skip(1).filter_map(|rest| rest.split('"').next());
        assert_eq!(functions.collect::<Vec<_>>(), TARGETS);
    }
}
