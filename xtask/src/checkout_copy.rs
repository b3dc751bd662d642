//! A copy of the checkout in another folder, with a target folder of its own: for builds that must not touch the first,
//! and must make the same bytes, whatever else the kernel's headers declare.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::exec;
use crate::workspace::Workspace;

/// The header that comes before the kernel's, and what it declares in the copy besides. It stands for all that one
/// release of those headers has and another has not.
const DECLARED: (&str, &[u8]) = ("compat.h", b"typedef int OF_ANOTHER_RELEASE;\n");

/// Brings the copy up to date. The folder is kept, so that only a first build compiles everything.
pub(crate) fn make(workspace: &Workspace) -> Result<Workspace> {
    make_in(workspace, "checkout-copy")
}

/// The same, in a folder of this name.
pub(crate) fn make_in(workspace: &Workspace, name: &str) -> Result<Workspace> {
    let folder = workspace.target.join(name);
    let copy = Workspace {
        root: folder.join("a copy of the checkout"),
        target: folder.join("target"),
        ..workspace.clone()
    };
    copy_tree(&workspace.root, &copy.root, &[&workspace.target])?;
    Ok(copy)
}

/// Makes `to` hold what `from` holds, but for the history, what was built, and [`DECLARED`].
fn copy_tree(from: &Path, to: &Path, except: &[&Path]) -> Result<()> {
    exec::create_dir(to)?;
    for entry in fs::read_dir(to)? {
        let path = entry?.path();
        let name = path.file_name().context("an entry has a name")?;
        if name == "target" {
            continue;
        }
        let original = from.join(name);
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
            let mut bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if name == DECLARED.0 {
                bytes.extend(DECLARED.1);
            }
            exec::write_if_changed(&to.join(name), bytes)?;
        }
    }
    Ok(())
}
