//! The workflows and forms below `.github`: checked against the schemas of their formats, and their commands against
//! the programs. None of them runs here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace::Workspace;
use crate::{exec, python};

/// What pip is asked for. It brings the schemas, so a later version may find more.
const PACKAGE: &str = "check-jsonschema==0.39.0";

/// The schemas of each folder's files, by their names in that package.
const SCHEMAS: &[(&str, &[&str])] = &[
    (".github/workflows", &["vendor.github-workflows", "custom.github-workflows-require-timeout"]),
    (".github/ISSUE_TEMPLATE", &["vendor.github-issue-forms"]),
];

/// Returns the reason if Python or the package cannot be had.
pub(crate) fn check(workspace: &Workspace) -> Result<Option<String>> {
    let programs = match python::environment(&workspace.target.join("schemas"), &[PACKAGE]) {
        Ok(programs) => programs,
        Err(error) => return Ok(Some(format!("{error:#}"))),
    };
    for (folder, schemas) in SCHEMAS {
        let files = files(&workspace.root, folder)?;
        ensure!(!files.is_empty(), "there is no file in {folder}");
        for schema in *schemas {
            let mut program = Command::new(programs.join("check-jsonschema"));
            exec::run(program.args(["--builtin-schema", schema]).args(&files))?;
        }
    }
    Ok(None)
}

/// The YAML files of a folder.
fn files(root: &Path, folder: &str) -> Result<Vec<PathBuf>> {
    let entries = root.join(folder).read_dir().with_context(|| format!("cannot read {folder}"))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|end| end == "yml"));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
