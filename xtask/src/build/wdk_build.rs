//! A copy of the `wdk-build` crate that runs on Linux.
//!
//! The published crate builds on Windows hosts only: it stops with `compile_error!` elsewhere, asks the
//! registry for the WDK, and makes symbolic links as Windows does. None of that matters here, where the
//! WDK's place is given. The copy is made from the release that `Cargo.lock` names and takes its place
//! through cargo's `paths` setting, which leaves the lock file alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::compiler::Compiler;
use crate::exec;
use crate::workspace::Workspace;

/// Names the manifest that holds the driver's WDK settings. The crate looks for it above its output
/// folder, which finds nothing when the target folder lies outside the workspace.
pub(crate) const MANIFEST_VARIABLE: &str = "PSIMP_DRIVER_MANIFEST";

/// One change to one source file of the crate.
struct Edit {
    file: &'static str,
    why: &'static str,
    from: &'static str,
    to: &'static str,
    /// How often `from` occurs; another number means that the crate has changed.
    times: usize,
}

const EDITS: [Edit; 5] = [
    Edit {
        file: "src/utils.rs",
        why: "allow a host that is not Windows",
        from: r#"compile_error!(
        "windows-drivers-rs is designed to be run on a Windows host machine in a WDK environment. \
         Please build using a Windows target."
    );"#,
        to: r#"panic!("cargo-make's tasks run on Windows only");"#,
        times: 2,
    },
    Edit {
        file: "src/utils.rs",
        why: "look nothing up in the registry",
        from: "    let mut opened_key_handle = HKEY::default();\n",
        to: "    return None;\n    let mut opened_key_handle = HKEY::default();\n",
        times: 1,
    },
    Edit {
        file: "src/cargo_make.rs",
        why: "make symbolic links as Unix does",
        from: "std::os::windows::fs::symlink_file",
        to: "std::os::unix::fs::symlink",
        times: 2,
    },
    Edit {
        file: "src/lib.rs",
        why: "take the driver's manifest from the environment",
        from: "pub fn find_top_level_cargo_manifest() -> PathBuf {\n",
        to: "pub fn find_top_level_cargo_manifest() -> PathBuf {
    if let Some(manifest) = env::var_os(\"PSIMP_DRIVER_MANIFEST\") {
        return manifest.into();
    }
",
        times: 1,
    },
    Edit {
        file: "src/lib.rs",
        why: "accept what the other edits leave unused",
        from: "// License: MIT OR Apache-2.0\n",
        to: "// License: MIT OR Apache-2.0\n#![allow(unused)]\n",
        times: 1,
    },
];

/// Makes the copy and returns its folder.
pub(crate) fn copy(workspace: &Workspace, compiler: &Compiler) -> Result<PathBuf> {
    let (version, source) = locate(workspace, compiler)?;
    let copy = workspace.cross().join("wdk-build");
    copy_dir(&source, Path::new(""), &copy).with_context(|| format!("cannot copy wdk-build {version}"))?;
    Ok(copy)
}

/// The version and folder of the release that `Cargo.lock` names; cargo downloads it when it is missing.
fn locate(workspace: &Workspace, compiler: &Compiler) -> Result<(String, PathBuf)> {
    let mut cargo = Command::new(&compiler.cargo);
    cargo.args(["metadata", "--locked", "--format-version", "1", "--manifest-path"]);
    cargo.arg(workspace.root.join("Cargo.toml")).env("RUSTC", &compiler.rustc);
    let metadata: Value = serde_json::from_str(&exec::stdout(&mut cargo)?)?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let package = packages.iter().find(|package| package["name"] == "wdk-build");
    let package = package.context("the workspace does not depend on wdk-build")?;
    let text = |key: &str| package[key].as_str().with_context(|| format!("wdk-build has no {key}"));
    let manifest = Path::new(text("manifest_path")?);
    Ok((text("version")?.to_owned(), manifest.parent().context("a manifest has a folder")?.to_owned()))
}

fn copy_dir(source: &Path, below: &Path, copy: &Path) -> Result<()> {
    for entry in fs::read_dir(source.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(source, &path, copy)?;
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("rs")) || path == Path::new("Cargo.toml") {
            let text = edit(&path, exec::read(&source.join(&path))?)?;
            exec::write_if_changed(&copy.join(&path), text)?;
        }
    }
    Ok(())
}

/// Applies the edits that are for this file.
fn edit(path: &Path, mut text: String) -> Result<String> {
    for edit in EDITS.iter().filter(|edit| Path::new(edit.file) == path) {
        let found = text.matches(edit.from).count();
        if found != edit.times {
            bail!(
                "wdk-build has changed: to {}, a piece of {} was to be replaced {} times and is there {found} times; \
                 adapt EDITS in xtask/src/build/wdk_build.rs",
                edit.why,
                edit.file,
                edit.times,
            );
        }
        text = text.replace(edit.from, edit.to);
    }
    ensure!(!text.contains("compile_error!"), "{} still refuses hosts that are not Windows", path.display());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::edit;

    #[test]
    fn an_edit_that_no_longer_applies_is_named() {
        let text = "std::os::windows::fs::symlink_file".to_owned();
        let error = edit(Path::new("src/cargo_make.rs"), text).expect_err("it is there once, not twice");
        let message = error.to_string();
        assert!(message.starts_with("wdk-build has changed: to make symbolic links as Unix does"), "{message}");
        assert!(message.contains("2 times and is there 1 times"), "{message}");
    }

    #[test]
    fn other_files_stay_as_they_are() {
        let text = "fn main() {}".to_owned();
        assert_eq!(edit(Path::new("build.rs"), text.clone()).expect("nothing to edit"), text);
    }
}
