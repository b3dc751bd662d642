//! `cargo xtask mutants`: drivers with one planted fault each, which the cases have to catch.
//!
//! The faults are in `tests/mutants/mutants.toml`, as changes to the sources: the sources themselves do not
//! contain them. They are built in the [copy of the checkout](checkout_copy).

mod all;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::Format;
use crate::build::{self, Image};
use crate::harness::Profile;
use crate::workspace::Workspace;
use crate::{checkout_copy, exec, harness, setup};

/// The arguments of `cargo xtask mutants`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Instead, build every mutation that cargo-mutants lists for what is in the image, and count how many the
    /// catalogue and the tests of the image catch; takes an hour, and goes on where it was stopped
    #[arg(long)]
    all: bool,
    /// Only mutations with this in their name, such as a file
    #[arg(long, value_name = "TEXT", requires = "all")]
    filter: Option<String>,
    /// How many are built side by side; one per core by default
    #[arg(long, value_name = "N", requires = "all")]
    jobs: Option<usize>,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Deserialize)]
struct Table {
    mutant: Vec<Mutant>,
}

/// A change to one file.
#[derive(Debug, Deserialize)]
struct Mutant {
    name: String,
    file: String,
    from: String,
    to: String,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    if args.all {
        return all::main(workspace, args);
    }
    setup::install_missing(setup::Purpose::Build)?;
    let images = build(workspace, Choice::All)?;
    Profile::Optimized.build(workspace)?;
    let mut harness = Profile::Optimized.command(workspace);
    harness.args(["mutants", "--image-dir"]).arg(images).args(args.format.forwarded());
    harness::exit_code(&mut harness)
}

/// Which mutants are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    All,
    /// Those that tests name, and a few that change with the commit.
    Sample,
}

/// The mutants that tests use by name.
const NAMED: &[&str] = &["slot-reference", "error-path-leak", "rule-user"];

/// One in so many is in a sample besides.
const STRIDE: usize = 32;

/// Builds one image for each mutant chosen and returns their folder.
pub(crate) fn build(workspace: &Workspace, choice: Choice) -> Result<PathBuf> {
    let folder = workspace.target.join("mutants");
    // Those of an earlier commit must not be counted.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    exec::create_dir(&folder)?;
    let mut mutants = table(workspace)?;
    if choice == Choice::Sample {
        let first = usize::from_str_radix(&workspace.build_id, 16).unwrap_or(0) % STRIDE;
        let mut index = 0..;
        mutants.retain(|mutant| {
            let in_turn = index.next().is_some_and(|index: usize| index % STRIDE == first);
            in_turn || NAMED.contains(&mutant.name.as_str())
        });
    }
    for mutant in mutants {
        mutant.build(workspace)?;
    }
    Ok(folder)
}

/// Builds the mutant of this name.
pub(crate) fn build_one(workspace: &Workspace, name: &str) -> Result<Image> {
    let mutant = table(workspace)?.into_iter().find(|mutant| mutant.name == name);
    mutant.with_context(|| format!("tests/mutants/mutants.toml has no mutant {name}"))?.build(workspace)
}

fn table(workspace: &Workspace) -> Result<Vec<Mutant>> {
    let text = exec::read(&workspace.root.join("tests/mutants/mutants.toml"))?;
    let table: Table = toml::from_str(&text).context("tests/mutants/mutants.toml")?;
    Ok(table.mutant)
}

impl Mutant {
    fn build(&self, workspace: &Workspace) -> Result<Image> {
        let name = &self.name;
        eprintln!("mutant {name}");
        // This undoes the change of the mutant before.
        let tree = checkout_copy::make(workspace)?;
        let path = tree.root.join(&self.file);
        exec::write_if_changed(&path, self.apply(&exec::read(&path)?)?)?;
        build::driver_to(&tree, workspace.target.join("mutants").join(format!("{name}.sys")))
            .with_context(|| format!("the mutant {name} cannot be built"))
    }

    fn apply(&self, source: &str) -> Result<String> {
        let count = source.matches(&self.from).count();
        ensure!(count == 1, "{}: {} has the text to change {count} times", self.name, self.file);
        ensure!(self.from != self.to, "{} changes nothing", self.name);
        Ok(source.replacen(&self.from, &self.to, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::{Mutant, NAMED, table};
    use crate::exec;
    use crate::workspace::Workspace;
    use std::collections::BTreeSet;

    #[test]
    fn every_mutant_changes_one_place_and_has_a_name_of_its_own() {
        let workspace = Workspace::find().expect("the tests run in the workspace");
        let mutants = table(&workspace).expect("the table is TOML");
        for mutant in &mutants {
            let source = exec::read(&workspace.root.join(&mutant.file)).expect(&mutant.file);
            mutant.apply(&source).expect("it applies");
        }
        let names: BTreeSet<_> = mutants.iter().map(|mutant| &mutant.name).collect();
        assert_eq!(names.len(), mutants.len());
        for named in NAMED {
            assert!(names.iter().any(|name| name == named), "{named}");
        }
    }

    #[test]
    fn a_mutant_that_does_not_fit_is_refused() {
        let mutant = |from: &str| Mutant {
            name: "m".to_owned(),
            file: "f".to_owned(),
            from: from.to_owned(),
            to: "b".to_owned(),
        };
        assert_eq!(mutant("a").apply("x a y").expect("once"), "x b y");
        for from in ["a", "b"] {
            assert!(mutant(from).apply("a a b").is_err(), "{from}");
        }
    }
}
