//! The psimp program.

use clap::Parser;
use psimp_harness::cli::{Cli, Exit};
use psimp_harness::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::execute(Cli::parse().into_command()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("psimp: {error:#}");
            Exit::Failed.into()
        }
    }
}
