//! Running the harness, the program `psimp`, from its source.

use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::background::Background;
use crate::workspace::Workspace;
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
pub(crate) fn main(
    workspace: &Workspace,
    profile: Profile,
    command: &[&str],
    args: &Args,
) -> Result<ExitCode> {
    let format = args.format.forwarded().iter().map(OsString::from);
    let arguments: Vec<_> = format.chain(args.args.iter().cloned()).collect();
    with_image(workspace, profile, command, &arguments)
}

/// How the harness is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As the tests have it: for what takes seconds.
    Dev,
    /// Optimized: for what takes longer.
    Optimized,
    /// Optimized as a whole, which takes longest to compile: for what is measured.
    Release,
}

impl Profile {
    pub(crate) fn cargo(self, workspace: &Workspace, subcommand: &str) -> Command {
        let profile = match self {
            Self::Dev => "dev",
            Self::Optimized => "optimized",
            Self::Release => "release",
        };
        workspace.cargo(&[subcommand, "--package", "psimp-harness", "--profile", profile])
    }

    /// The program that was built, where it is not to be built again.
    pub(crate) fn built(self, workspace: &Workspace) -> Command {
        let folder = match self {
            Self::Dev => "debug",
            Self::Optimized => "optimized",
            Self::Release => "release",
        };
        Command::new(workspace.target.join(folder).join("psimp"))
    }

    /// Compiles the harness, which may take a while and so shows what it does.
    pub(crate) fn build(self, workspace: &Workspace) -> Result<()> {
        exec::run(&mut self.cargo(workspace, "build"))
    }

    /// The program, up to date.
    pub(crate) fn command(self, workspace: &Workspace) -> Command {
        let mut cargo = self.cargo(workspace, "run");
        cargo.args(["--quiet", "--"]);
        cargo
    }
}

/// Installs and builds what the image needs, and meanwhile the harness; then runs
/// `psimp COMMAND … --image PATH`.
pub(crate) fn with_image(
    workspace: &Workspace,
    profile: Profile,
    command: &[&str],
    args: &[impl AsRef<OsStr>],
) -> Result<ExitCode> {
    let log = workspace.target.join("harness.log");
    let compiling = Background::start(vec![profile.cargo(workspace, "build")], &log)?;
    setup::install_missing(setup::Purpose::Build)?;
    let image = build::driver(workspace)?;
    compiling.end()?;
    let mut harness = profile.command(workspace);
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
