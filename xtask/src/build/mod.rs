//! `cargo xtask build`: psimp.sys and psimp.exe, from Linux and without the WDK.

mod arch;
mod compiler;
mod driver;
pub(crate) mod linker;
mod mirror;
pub(crate) mod ntoskrnl;
mod runtime;
mod slots;
mod tools;
mod version_resource;
mod wasm;
mod wdk_build;
mod wdk_tree;
mod windows;

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};

pub(crate) use arch::Arch;
pub(crate) use compiler::Compiler;
pub(crate) use driver::{clippy, map};
pub(crate) use linker::called as called_as_linker;
pub(crate) use mirror::link;
pub(crate) use runtime::loaded as loaded_libraries;
pub(crate) use slots::parse as kmdf_functions;
pub(crate) use tools::{Tool, Use, missing_packages};
pub(crate) use wasm::{WASM_TARGET, wasm, wasm_compiler};
pub(crate) use wdk_build::locate as locate_wdk_build;
pub(crate) use wdk_tree::{KMDF_HEADERS, WdkTree};
pub(crate) use windows::{
    GNU_TARGET, clients, clippy as windows_clippy, harness_exe, harness_exe_for,
    unit_tests as windows_unit_tests, wine_shim,
};

use crate::Format;
use crate::workspace::Workspace;

/// The arguments of `cargo xtask build`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to build for; what is built for arm64 has run nowhere, and is called psimp-arm64
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["mutant", "malicious", "minimal"])]
    arch: Arch,
    /// Build the driver with this fault planted, to target/mutants/NAME.sys
    #[arg(long, value_name = "NAME")]
    pub(crate) mutant: Option<String>,
    /// Build the driver that breaks the host's contracts instead, to target/malicious.sys
    #[arg(long, conflicts_with = "mutant")]
    malicious: bool,
    /// Build the driver of the host's example instead, to target/minimal.sys
    #[arg(long, conflicts_with_all = ["mutant", "malicious"])]
    minimal: bool,
    /// Build the harness for Windows instead, to target/psimp.exe
    #[arg(long, conflicts_with_all = ["mutant", "malicious", "minimal"])]
    windows: bool,
    /// Print the command line of the linker too: the driver's entry point, subsystem, libraries and flags,
    /// as rustc, wdk-build and this task pass them, and the folder that its names are in
    #[arg(long, conflicts_with = "windows")]
    show_link: bool,
    #[command(flatten)]
    format: Format,
}

/// A driver image that was built.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) path: PathBuf,
    pub(crate) sha256: String,
    pub(crate) size: u64,
    /// The command line of the linker, for a driver.
    link: Option<String>,
}

/// Builds what the arguments ask for, unless that is a mutant.
pub(crate) fn build(workspace: &Workspace, args: &Args) -> Result<Image> {
    if args.malicious {
        malicious(workspace)
    } else if args.minimal {
        minimal(workspace)
    } else if args.windows {
        harness_exe_for(workspace, args.arch)
    } else {
        driver_for(workspace, args.arch)
    }
}

impl Args {
    /// Prints what was built.
    pub(crate) fn print(&self, image: &Image) {
        let Image { path, sha256, size, link } = image;
        let link = link.as_ref().filter(|_| self.show_link);
        if self.format.json() {
            println!("{}", json!({ "path": path, "sha256": sha256, "size": size, "link": link }));
        } else {
            println!("{}\nSHA-256 {sha256}\n{size} bytes", path.display());
            if let Some(link) = link {
                println!("{link}");
            }
        }
    }
}

/// Builds the driver as it ships: `target/psimp.sys`.
pub(crate) fn driver(workspace: &Workspace) -> Result<Image> {
    driver_for(workspace, Arch::X64)
}

/// The same for another architecture, `target/psimp-arm64.sys`.
pub(crate) fn driver_for(workspace: &Workspace, arch: Arch) -> Result<Image> {
    driver::build(workspace, driver::PSIMP, arch, workspace.target.join(arch.image()))
}

/// Builds the driver of this tree to another place.
pub(crate) fn driver_to(workspace: &Workspace, output: PathBuf) -> Result<Image> {
    driver::build(workspace, driver::PSIMP, Arch::X64, output)
}

/// Builds the driver that breaks the host's contracts: `target/malicious.sys`.
pub(crate) fn malicious(workspace: &Workspace) -> Result<Image> {
    driver::build(workspace, driver::MALICIOUS, Arch::X64, workspace.target.join("malicious.sys"))
}

/// Builds the driver of the host's example: `target/minimal.sys`.
pub(crate) fn minimal(workspace: &Workspace) -> Result<Image> {
    driver::build(workspace, driver::MINIMAL, Arch::X64, workspace.target.join("minimal.sys"))
}

impl Image {
    /// The symbols of a driver.
    pub(crate) fn pdb(&self) -> PathBuf {
        self.path.with_extension("pdb")
    }

    fn read(path: PathBuf) -> Result<Self> {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { sha256: self::sha256(&bytes), size: bytes.len() as u64, path, link: None })
    }
}

/// The SHA-256 of the bytes in lower-case hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
