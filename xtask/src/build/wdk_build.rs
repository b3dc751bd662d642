//! A copy of the `wdk-build` crate that runs on Linux.
//!
//! The published crate builds on Windows hosts only: it stops with `compile_error!` elsewhere, asks the
//! registry for the WDK, and makes symbolic links as Windows does. None of that matters here, where the
//! WDK's place is given. The copy is made from the release that `Cargo.lock` names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::compiler::Compiler;
use crate::exec;
use crate::workspace::Workspace;

/// One change to one file of the crate.
struct Edit {
    file: &'static str,
    why: &'static str,
    /// What is replaced. It occurs `times` times; another number means that the crate has changed.
    from: &'static str,
    /// Where the replaced piece ends, if that is not the end of `from` itself.
    through: Option<&'static str>,
    to: &'static str,
    times: usize,
}

/// With these changes the published source builds, and finds a WDK that `WDKContentRoot` names, on Linux.
const EDITS: &[Edit] = &[
    Edit {
        file: "src/utils.rs",
        why: "allow a host that is not Windows",
        from: "compile_error!(",
        through: Some(");"),
        to: r#"panic!("cargo-make's tasks run on Windows only");"#,
        times: 2,
    },
    Edit {
        file: "Cargo.toml",
        why: "do without the windows crate",
        from: "\n[dependencies.windows]\n",
        through: None,
        to: "\n[target.'cfg(windows)'.dependencies.windows]\n",
        times: 1,
    },
    Edit {
        file: "src/utils.rs",
        why: "do without the windows crate",
        from: "\nuse windows::{",
        through: Some("\n};\n"),
        to: "
type HKEY = ();
type PCSTR = ();
const HKEY_LOCAL_MACHINE: HKEY = ();
macro_rules! s {
    ($text:literal) => {
        ()
    };
}
",
        times: 1,
    },
    Edit {
        file: "src/utils.rs",
        why: "look nothing up in the registry",
        from: "\nfn read_registry_key_string_value(",
        through: Some("\n}\n"),
        to: "
fn read_registry_key_string_value(_key: HKEY, _sub_key: PCSTR, _value: PCSTR) -> Option<String> {
    None
}
",
        times: 1,
    },
    Edit {
        file: "src/cargo_make.rs",
        why: "make symbolic links as Unix does",
        from: "std::os::windows::fs::symlink_file",
        through: None,
        to: "std::os::unix::fs::symlink",
        times: 2,
    },
    Edit {
        file: "src/bindgen.rs",
        why: "write the bindings in one line: the PDB has the line of each type, which is another in each release of the \
              headers",
        from: "bindgen::Formatter::Prettyplease",
        through: None,
        to: "bindgen::Formatter::None",
        times: 1,
    },
    Edit {
        file: "src/lib.rs",
        why: "accept what the other edits leave unused",
        from: "// License: MIT OR Apache-2.0\n",
        through: None,
        to: "// License: MIT OR Apache-2.0\n#![allow(unused)]\n",
        times: 1,
    },
];

/// Makes the copy, where the mirror's manifest expects it.
pub(crate) fn copy(workspace: &Workspace, compiler: &Compiler) -> Result<()> {
    let (version, source) = locate(workspace, compiler)?;
    let copy = workspace.cross().join("wdk-build");
    copy_dir(&source, Path::new(""), &copy).with_context(|| format!("cannot copy wdk-build {version}"))
}

/// The version and folder of the release that `Cargo.lock` names; cargo downloads it when it is missing.
pub(crate) fn locate(workspace: &Workspace, compiler: &Compiler) -> Result<(String, PathBuf)> {
    let mut cargo = Command::new(&compiler.cargo);
    cargo.args(["metadata", "--locked", "--format-version", "1", "--manifest-path"]);
    cargo.arg(workspace.root.join("Cargo.toml")).env("RUSTC", &compiler.rustc);
    cargo.stderr(Stdio::inherit());
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
            // The release has the line ends of Windows.
            let text = exec::read(&source.join(&path))?.replace("\r\n", "\n");
            let text = edit(&path, text)?;
            exec::write_if_changed(&copy.join(&path), text)?;
        }
    }
    Ok(())
}

/// Applies the edits that are for this file.
fn edit(path: &Path, mut text: String) -> Result<String> {
    for edit in EDITS.iter().filter(|edit| Path::new(edit.file) == path) {
        let (edited, found) = edit.apply(&text);
        if found != edit.times {
            bail!(
                "wdk-build has changed: to {}, a piece of {} was to be replaced {} times and is there {found} times; \
                 adapt EDITS in xtask/src/build/wdk_build.rs",
                edit.why,
                edit.file,
                edit.times,
            );
        }
        text = edited;
    }
    Ok(text)
}

impl Edit {
    /// The text after the edit, and how often the piece was found.
    fn apply(&self, text: &str) -> (String, usize) {
        let (mut edited, mut rest, mut found) = (String::new(), text, 0);
        while let Some((before, after)) = rest.split_once(self.from) {
            let Some(after) = self.through.map_or(Some(after), |end| Some(after.split_once(end)?.1)) else {
                break;
            };
            edited.extend([before, self.to]);
            rest = after;
            found += 1;
        }
        (edited + rest, found)
    }
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
        assert!(
            message.starts_with("wdk-build has changed: to make symbolic links as Unix does"),
            "{message}"
        );
        assert!(message.contains("2 times and is there 1 times"), "{message}");
    }

    #[test]
    fn other_files_stay_as_they_are() {
        let text = "fn main() {}".to_owned();
        assert_eq!(edit(Path::new("build.rs"), text.clone()).expect("nothing to edit"), text);
    }
}
