//! Running the harness, the program `psimp`, from its source.

use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::workspace::{self, Workspace};
use crate::{Format, build, exec, setup};

/// The arguments of a task that is a command of `psimp` on the real driver image.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: Format,
    /// More arguments for the harness, such as --kernel, --rules or --filter; its --help names all
    #[arg(last = true)]
    args: Vec<OsString>,
}

/// Such a task.
pub(crate) fn main(workspace: &Workspace, command: &[&str], args: &Args) -> Result<ExitCode> {
    let format = args.format.forwarded().iter().map(OsString::from);
    let arguments: Vec<_> = format.chain(args.args.iter().cloned()).collect();
    with_image(workspace, command, &arguments)
}

/// `cargo run` of the harness.
pub(crate) fn command(workspace: &Workspace) -> Command {
    let mut cargo = Command::new(workspace::cargo());
    cargo.current_dir(&workspace.root).args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "psimp-harness",
        "--",
    ]);
    cargo
}

/// Compiles the harness, which may take a while and so shows what it does.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let mut cargo = Command::new(workspace::cargo());
    exec::run(cargo.current_dir(&workspace.root).args(["build", "--release", "--package", "psimp-harness"]))
}

/// Installs and builds what the image needs, then runs `psimp COMMAND … --image PATH`.
pub(crate) fn with_image(
    workspace: &Workspace,
    command: &[&str],
    args: &[impl AsRef<OsStr>],
) -> Result<ExitCode> {
    setup::install_missing(setup::Purpose::Build)?;
    let image = build::driver(workspace)?;
    build(workspace)?;
    let mut harness = self::command(workspace);
    harness.args(command).arg("--image").arg(image.path).args(args);
    exit_code(&mut harness)
}

/// Runs the harness and returns its exit code, which is its result.
pub(crate) fn exit_code(harness: &mut Command) -> Result<ExitCode> {
    let status = harness.status().with_context(|| format!("cannot start {}", exec::shown(harness)))?;
    let code =
        status.code().with_context(|| format!("{} ended by itself: {status}", exec::shown(harness)))?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}
