//! Programs of the Python Package Index, each in an environment of its own below the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::build::Tool;
use crate::exec;

/// The folder of the programs of an environment that has these packages.
pub(crate) fn environment(folder: &Path, packages: &[&str]) -> Result<PathBuf> {
    let programs = folder.join("bin");
    let python = programs.join("python");
    if !python.exists() {
        exec::run(Tool::Python.command()?.args(["-m", "venv"]).arg(folder))?;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    exec::run(&mut pip)?;
    Ok(programs)
}
