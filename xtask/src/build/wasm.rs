//! The WebAssembly module of the explorer's page.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::compiler::Compiler;
use super::driver::{lock, remapped_prefixes};
use super::tools::Tool;
use super::{mirror, wdk_build};
use crate::exec;
use crate::workspace::Workspace;

/// Its target.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The compiler that can build it.
pub(crate) fn wasm_compiler() -> Result<Compiler> {
    Compiler::for_target(WASM_TARGET)
}

/// Builds it from the mirror, as the driver and for the same reason: no path gets into its bytes.
pub(crate) fn wasm(workspace: &Workspace) -> Result<Vec<u8>> {
    let compiler = wasm_compiler()?;
    let _lock = lock(&workspace.cross())?;
    let mirror = mirror::make(workspace)?;
    wdk_build::copy(workspace, &compiler)?;
    let target = mirror.join("target/wasm");
    let mut cargo = Command::new(&compiler.cargo);
    cargo.env_remove("LD_LIBRARY_PATH").env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
    cargo.current_dir(&mirror).env("RUSTC", &compiler.rustc);
    cargo.args(["build", "--release", "--locked", "--package", "psimp-explorer", "--target", WASM_TARGET]);
    cargo.arg("--target-dir").arg(&target);
    if compiler.build_std {
        cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
    }
    // Read once, and run for microseconds.
    cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s");
    let mut flags = vec!["-Cstrip=symbols".to_owned()];
    flags.extend(remapped_prefixes(workspace, &compiler, &mirror)?);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    // Rust's own toolchains bring a linker for it.
    if compiler.is_debian() {
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", Tool::WasmLinker.path()?);
    }
    exec::run(&mut cargo)?;
    let built = target.join(WASM_TARGET).join("release/psimp_explorer.wasm");
    fs::read(&built).with_context(|| format!("cargo built no {}", built.display()))
}
