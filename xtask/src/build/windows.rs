//! `cargo xtask build --windows`: the harness as a Windows program, `psimp.exe`, and what Wine lacks to run it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::compiler::Compiler;
use super::driver::{lock, remapped_prefixes};
use super::tools::{self, GCC, Use};
use super::{Image, mirror, wdk_build};
use crate::exec;
use crate::workspace::Workspace;

/// The target of the harness: its C runtime and linker are Debian packages, Microsoft's are not.
const TARGET: &str = "x86_64-pc-windows-gnu";

/// Builds the harness for Windows: `target/psimp.exe`.
pub(crate) fn harness_exe(workspace: &Workspace) -> Result<Image> {
    tools::check(Use::Windows)?;
    let compiler = Compiler::for_target(TARGET)?;
    // The same mirror as the driver's, for the same reason: no path gets into the program.
    let _lock = lock(&workspace.cross())?;
    let mirror = mirror::make(workspace)?;
    wdk_build::copy(workspace, &compiler)?;

    let mut cargo = Command::new(&compiler.cargo);
    cargo.env_remove("LD_LIBRARY_PATH").env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
    cargo.current_dir(&mirror).env("RUSTC", &compiler.rustc);
    cargo.args(["build", "--release", "--locked", "--package", "psimp-harness", "--target", TARGET]);
    cargo.arg("--target-dir").arg(mirror.join("target"));
    if compiler.build_std {
        cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
    }
    let mut flags = vec!["-Cstrip=symbols".to_owned(), "-Clink-arg=-Wl,--no-insert-timestamp".to_owned()];
    flags.extend(remapped_prefixes(workspace, &compiler, &mirror)?);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    cargo.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", GCC);
    exec::run(&mut cargo)?;

    let built = mirror.join("target").join(TARGET).join("release/psimp.exe");
    let bytes = fs::read(&built).with_context(|| format!("cargo built no {}", built.display()))?;
    let output = workspace.target.join("psimp.exe");
    exec::write_if_changed(&output, bytes)?;
    Image::read(output)
}

/// Builds `bcryptprimitives.dll` for Wine, whose own lacks the one export that Rust's standard library asks
/// for. Windows has it; it is never shipped.
pub(crate) fn wine_shim(workspace: &Workspace) -> Result<PathBuf> {
    tools::check(Use::Windows)?;
    let source = workspace.root.join("xtask/wine/bcryptprimitives.c");
    let output = workspace.target.join("wine/bcryptprimitives.dll");
    exec::create_dir(&workspace.target.join("wine"))?;
    let mut gcc = Command::new(GCC);
    gcc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-o"])
        .arg(&output)
        .arg(source)
        .arg("-ladvapi32");
    exec::run_quietly(&mut gcc)?;
    Ok(output)
}
