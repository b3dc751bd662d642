//! Build, run and test tasks.

mod background;
mod bench;
mod build;
mod bundle;
mod cargo_tool;
mod checkout_copy;
mod exec;
mod explorer;
mod fuzz;
mod harness;
#[cfg(test)]
mod layers;
mod lint;
mod mutants;
mod page;
mod platform;
mod python;
mod reproduce;
mod setup;
mod soak;
mod speakeasy;
mod system;
mod test;
mod walkthroughs;
mod wine;
mod workflows;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use harness::Profile;
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
    /// Install what the build of the driver needs, where that can be done
    Setup(setup::Args),
    /// Build psimp.sys, without the WDK
    Build(build::Args),
    /// Pack what a test-signed VM needs: the signed psimp.sys, psimp.exe, the INF and a script
    Bundle(bundle::Args),
    /// Run the catalogue on psimp.sys, installing and building first what is missing
    Run(harness::Args),
    /// Check what a change can break, up to the first failure
    Test(test::Args),
    /// Check psimp.sys, the INF, Makefile.toml, the C headers and the modules' imports against the rules for them
    Lint(lint::Args),
    /// Make a page that answers questions about the decision rule, without a network
    Explorer(explorer::Args),
    /// Measure psimp.sys, compared with the committed baseline
    Bench(bench::Args),
    /// Make each call of psimp.sys that can fail do so, and check for crashes, leaks and lost state
    Faults(harness::Args),
    /// Let threads make random calls on psimp.sys, and look for leaks and torn slots
    Soak(soak::Args),
    /// Build drivers with one planted fault each and count how many are caught
    Mutants(mutants::Args),
    /// Fuzz the driver's service, the loader and the parsers, and run what is found on psimp.sys
    Fuzz(fuzz::Args),
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

    /// The same choice, as arguments for the harness.
    pub(crate) fn forwarded(&self) -> &'static [&'static str] {
        if self.json() { &["--format", "json"] } else { &[] }
    }
}

fn main() -> ExitCode {
    if let Some(code) = build::called_as_linker() {
        return code;
    }
    run(&Cli::parse().task).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(task: &Task) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    match task {
        Task::Setup(args) => setup::main(args)?,
        Task::Build(args) => {
            let image = match &args.mutant {
                Some(name) => mutants::build_one(&workspace, name)?,
                None => build::build(&workspace, args)?,
            };
            args.print(&image);
        }
        Task::Bundle(args) => bundle::main(&workspace, args)?,
        Task::Run(args) => {
            return harness::main(&workspace, Profile::Dev, &["run", "--target", "image"], args);
        }
        Task::Test(args) => return Ok(test::main(&workspace, args)),
        Task::Lint(args) => return lint::main(&workspace, args),
        Task::Explorer(args) => explorer::main(&workspace, args)?,
        Task::Bench(args) => return bench::main(&workspace, args),
        Task::Faults(args) => return harness::main(&workspace, Profile::Optimized, &["faults"], args),
        Task::Soak(args) => return soak::main(&workspace, args),
        Task::Mutants(args) => return mutants::main(&workspace, args),
        Task::Fuzz(args) => return fuzz::main(&workspace, args),
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::{CommandFactory as _, Parser as _};
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// The commands on the pages are in code blocks or between backquotes.
    #[test]
    fn the_pages_name_every_task_and_no_other() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut seen = BTreeSet::new();
        for folder in [root.clone(), root.join("docs"), root.join("docs/semantics")] {
            let entries = folder.read_dir().expect("the folder can be read");
            let pages = entries.map(|entry| entry.expect("an entry").path());
            for page in pages.filter(|page| page.extension().is_some_and(|end| end == "md")) {
                let text = fs::read_to_string(&page).expect("the page can be read");
                for line in text.lines() {
                    let line = line.split("   ").find(|piece| !piece.trim().is_empty()).unwrap_or_default();
                    for command in
                        line.split('`').filter_map(|words| words.trim().strip_prefix("cargo xtask "))
                    {
                        // Placeholders and optional parts are not parsed.
                        let words = command.split(['[', '#', '>']).next().unwrap_or_default();
                        let words = words.replace("FILE.pfx", "a.pfx").replace("FILE", "a.pem");
                        let arguments = ["cargo xtask"].into_iter().chain(words.split_whitespace());
                        let parsed = Cli::try_parse_from(arguments);
                        assert!(parsed.is_ok(), "{}: cargo xtask {command}: {parsed:?}", page.display());
                        seen.extend(command.split_whitespace().next().map(str::to_owned));
                    }
                }
            }
        }
        let tasks = Cli::command();
        let tasks: BTreeSet<_> = tasks.get_subcommands().map(|task| task.get_name().to_owned()).collect();
        assert_eq!(seen, tasks, "every task is on a page");
    }
}
