//! Build, run and test tasks.

mod build;
mod exec;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use workspace::Workspace;

/// Builds, runs and tests psimp.sys.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build psimp.sys
    Build(build::Args),
}

/// How a task prints its result.
#[derive(Debug, clap::Args)]
pub(crate) struct Format {
    /// json prints one object on standard output and nothing else there
    #[arg(long, value_enum, default_value = "text")]
    format: FormatName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    Text,
    Json,
}

impl Format {
    pub(crate) fn json(&self) -> bool {
        self.format == FormatName::Json
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Build(args) => build::main(&workspace, args),
    }
}
