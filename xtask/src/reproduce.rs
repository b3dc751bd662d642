//! Builds the driver a second time, from a copy of the tree in another folder, and compares the bytes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::build::{self, Image};
use crate::exec;
use crate::workspace::Workspace;

/// Fails unless a build elsewhere makes the same image. The folder is kept, so that only a first run
/// compiles everything twice.
pub(crate) fn check(workspace: &Workspace, image: &Image) -> Result<()> {
    let elsewhere = workspace.target.join("elsewhere");
    let copy = Workspace {
        root: elsewhere.join("a copy of the checkout"),
        target: elsewhere.join("target"),
        ..workspace.clone()
    };
    copy_tree(&workspace.root, &copy.root, &[&workspace.target])?;
    let second = build::driver(&copy)?;
    let (ours, theirs) = (fs::read(&image.path)?, fs::read(&second.path)?);
    if ours == theirs {
        eprintln!("both have the SHA-256 {}", second.sha256);
        return Ok(());
    }
    let offset = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
    bail!(
        "the image depends on the folder that it is built in: {} and {} differ, first at {:#x}",
        image.path.display(),
        second.path.display(),
        offset.unwrap_or(ours.len().min(theirs.len())),
    )
}

/// Makes `to` hold what `from` holds, but for the history and what was built.
fn copy_tree(from: &Path, to: &Path, except: &[&Path]) -> Result<()> {
    exec::create_dir(to)?;
    for entry in fs::read_dir(to)? {
        let path = entry?.path();
        let original = from.join(path.file_name().context("an entry has a name")?);
        if original.is_dir() == path.is_dir() && original.exists() {
            continue;
        }
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }
            .with_context(|| format!("cannot remove {}", path.display()))?;
    }
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let name = path.file_name().context("an entry has a name")?;
        if name == ".git" || name == "target" || except.contains(&path.as_path()) {
            continue;
        }
        if path.is_dir() {
            copy_tree(&path, &to.join(name), except)?;
        } else {
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            exec::write_if_changed(&to.join(name), bytes)?;
        }
    }
    Ok(())
}
