//! `cargo xtask mutants`: drivers with one fault each, which has to be noticed.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::Format;
use crate::workspace::Workspace;
use crate::{build, exec, harness, setup};

/// The arguments of `cargo xtask mutants`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: Format,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    setup::install_missing(setup::Purpose::Build)?;
    let images = build_all(workspace)?;
    harness::build(workspace)?;
    let mut harness = harness::command(workspace);
    harness.args(["mutants", "--image-dir"]).arg(images).args(args.format.forwarded());
    harness::exit_code(&mut harness)
}

/// Builds one image for each feature `mutant-NAME` and returns their folder.
pub(crate) fn build_all(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("mutants");
    // Those of an earlier commit must not be counted.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    exec::create_dir(&folder)?;
    for name in names(workspace) {
        eprintln!("mutant {name}");
        build::mutant(workspace, name)?;
    }
    Ok(folder)
}

/// The mutants by name.
pub(crate) fn names(workspace: &Workspace) -> impl Iterator<Item = &str> {
    workspace.features.iter().filter_map(|feature| feature.strip_prefix("mutant-"))
}
