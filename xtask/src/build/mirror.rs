//! The workspace as the cross build sees it: the same files by symbolic links, with a manifest that patches
//! wdk-build and a lock file that records the patch.
//!
//! The committed `Cargo.toml` and `Cargo.lock` thereby stay as they are. And because cargo names everything
//! relative to its workspace, with all it reads and makes below `target/cross`, the driver's bytes do not
//! depend on the folder of the checkout.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::workspace::Workspace;
use crate::{exec, platform};

/// Brings the mirror at `target/cross` up to date.
pub(crate) fn make(workspace: &Workspace) -> Result<PathBuf> {
    let (root, mirror) = (&workspace.root, workspace.cross());
    exec::create_dir(&mirror)?;
    remove_dead_links(&mirror)?;
    for entry in fs::read_dir(root).with_context(|| format!("cannot read {}", root.display()))? {
        let path = entry?.path();
        let name = path.file_name().context("an entry has a name")?;
        if path == workspace.target
            || [".git", "target", "Cargo.toml", "Cargo.lock"].iter().any(|own| name == *own)
        {
            continue;
        }
        link(&path, &mirror.join(name))?;
    }

    let manifest = exec::read(&root.join("Cargo.toml"))?;
    ensure!(
        !manifest.contains("\n[patch."),
        "the root Cargo.toml has patches: xtask/src/build/mirror.rs handles none"
    );
    let patch = "\n[patch.crates-io]\nwdk-build = { path = \"wdk-build\" }\n";
    exec::write_if_changed(&mirror.join("Cargo.toml"), manifest + patch)?;

    exec::write_if_changed(&mirror.join("Cargo.lock"), lock_file(&exec::read(&root.join("Cargo.lock"))?)?)?;
    Ok(mirror)
}

/// The committed lock file with the patch recorded in it: a package at a path has no origin and no checksum.
fn lock_file(committed: &str) -> Result<String> {
    let entry = "[[package]]\nname = \"wdk-build\"\n";
    let (before, after) = committed.split_once(entry).context("Cargo.lock names no wdk-build")?;
    let (entry_rest, after) =
        after.split_once("\n\n").context("wdk-build is the last entry of Cargo.lock")?;
    let is_origin = |line: &&str| line.starts_with("source = ") || line.starts_with("checksum = ");
    let kept: Vec<_> = entry_rest.lines().filter(|line| !is_origin(line)).collect();
    Ok(format!("{before}{entry}{}\n\n{after}", kept.join("\n")))
}

/// Makes a symbolic link unless it is there.
pub(crate) fn link(to: &Path, at: &Path) -> Result<()> {
    match fs::read_link(at) {
        Ok(old) if old == to => return Ok(()),
        Ok(_) => fs::remove_file(at).with_context(|| format!("cannot replace {}", at.display()))?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", at.display())),
    }
    exec::create_dir(at.parent().context("a link has a folder")?)?;
    platform::symlink(to, at).with_context(|| format!("cannot link {}", at.display()))
}

/// Links to what has been removed from the workspace would mislead cargo.
fn remove_dead_links(mirror: &Path) -> Result<()> {
    for entry in fs::read_dir(mirror)? {
        let path = entry?.path();
        if path.is_symlink() && !path.exists() {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::lock_file;

    #[test]
    fn only_the_origin_of_wdk_build_is_dropped() {
        let origin = "source = \"registry\"\nchecksum = \"00\"\n";
        let lock = |origin_of_wdk_build| {
            format!(
                "version = 4\n\n[[package]]\nname = \"wdk\"\nversion = \"1.0.0\"\n{origin}\n[[package]]\n\
                 name = \"wdk-build\"\nversion = \"2.0.0\"\n{origin_of_wdk_build}dependencies = [\n \"anyhow\",\n]\n\n\
                 [[package]]\nname = \"zed\"\nversion = \"1.0.0\"\n{origin}"
            )
        };
        assert_eq!(lock_file(&lock(origin)).expect("wdk-build is there"), lock(""));
    }
}
