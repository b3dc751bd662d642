//! Where things are: the workspace's root and its target folder, and which commit this is.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::exec;

/// The paths that every task works with.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder: `target`, or what the user configured.
    pub(crate) target: PathBuf,
    /// The file that each crate of each member begins with, below the root.
    pub(crate) crates: Vec<PathBuf>,
    /// The features of the driver package.
    pub(crate) features: Vec<String>,
    /// The first 16 hex digits of the commit, or zeros without git; the driver reports it.
    pub(crate) build_id: String,
}

impl Workspace {
    /// Asks cargo, so that a configured target folder is honoured.
    pub(crate) fn find() -> Result<Self> {
        // Cargo passes where the checkout is now; it may have moved since this program was compiled.
        let package =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let manifest = Path::new(&package).join("../Cargo.toml");
        let manifest =
            manifest.canonicalize().with_context(|| format!("{} is missing", manifest.display()))?;
        let mut cargo = Command::new(cargo());
        cargo.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(manifest);
        let metadata: Value = serde_json::from_str(&exec::stdout(&mut cargo)?)?;
        let path = |key: &str| {
            let value = metadata[key].as_str();
            value.map(PathBuf::from).with_context(|| format!("cargo metadata names no {key}"))
        };
        let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
        let driver =
            packages.iter().find(|package| package["name"] == "psimp").context("no package psimp")?;
        let features = driver["features"].as_object().context("psimp has no features")?;
        let root = path("workspace_root")?;
        let targets = packages.iter().flat_map(|package| package["targets"].as_array().into_iter().flatten());
        let sources =
            targets.filter_map(|target| Path::new(target["src_path"].as_str()?).strip_prefix(&root).ok());
        Ok(Self {
            build_id: build_id(&root),
            crates: sources.map(Path::to_owned).collect(),
            root,
            target: path("target_directory")?,
            features: features.keys().cloned().collect(),
        })
    }

    /// `cargo` here, for tests. They unwind in every profile, and with its `abort`, which the
    /// driver is built with, all libraries would be compiled once more for the programs beside them.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut cargo = Command::new(cargo());
        cargo.current_dir(&self.root).args(args).env("CARGO_PROFILE_DEV_PANIC", "unwind");
        cargo
    }

    /// The folder for everything the cross build makes on its way.
    pub(crate) fn cross(&self) -> PathBuf {
        self.target.join("cross")
    }

    /// The committed sources of the cross build: headers, `.def` files, the entry stub.
    pub(crate) fn cross_sources(&self) -> PathBuf {
        self.root.join("xtask/cross")
    }

    /// The recorded facts about KMDF 1.15, from which headers and checks are made.
    pub(crate) fn facts(&self) -> PathBuf {
        self.root.join("crates/host/data")
    }
}

fn build_id(root: &Path) -> String {
    let head =
        exec::stdout(Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root)).unwrap_or_default();
    match head.trim().get(..16) {
        Some(id) if id.bytes().all(|byte| byte.is_ascii_hexdigit()) => id.to_owned(),
        _ => "0".repeat(16),
    }
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
