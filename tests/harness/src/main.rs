//! The psimp program.

use psimp_harness::cli::Cli;
use psimp_harness::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (command, notes) = Cli::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    for note in notes {
        eprintln!("psimp: {note}");
    }
    match commands::execute(command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("psimp: {error:#}");
            commands::exit_for(&error).into()
        }
    }
}
