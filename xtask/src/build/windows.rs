//! `cargo xtask build --windows`: the harness as a Windows program, `psimp.exe`, and what Wine lacks to run it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
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
    let prepared = Prepared::make(workspace)?;
    let mut cargo = prepared.cargo(&prepared.compiler.cargo, "build")?;
    exec::run(cargo.args(["--package", "psimp-harness"]))?;
    let built = prepared.mirror.join("target").join(TARGET).join("release/psimp.exe");
    let bytes = fs::read(&built).with_context(|| format!("cargo built no {}", built.display()))?;
    let output = workspace.target.join("psimp.exe");
    exec::write_if_changed(&output, bytes)?;
    Image::read(output)
}

/// Runs clippy over what calls Windows, as it is built for it. False if the compiler has no clippy.
pub(crate) fn clippy(workspace: &Workspace) -> Result<bool> {
    let prepared = Prepared::make(workspace)?;
    let Some(clippy) = prepared.compiler.clippy() else { return Ok(false) };
    let mut command = prepared.cargo(&clippy, "clippy")?;
    command.env("CARGO", &prepared.compiler.cargo);
    command.args(["--package", "psimp-harness", "--package", "psimp-windows", "--", "-D", "warnings"]);
    exec::run(&mut command)?;
    Ok(true)
}

/// Everything that cargo needs, brought up to date.
struct Prepared<'a> {
    workspace: &'a Workspace,
    compiler: Compiler,
    /// The same mirror as the driver's, for the same reason: no path gets into the program.
    mirror: PathBuf,
    /// Held until the program is copied.
    _lock: File,
}

impl<'a> Prepared<'a> {
    fn make(workspace: &'a Workspace) -> Result<Self> {
        tools::check(Use::Windows)?;
        let compiler = Compiler::for_target(TARGET)?;
        let lock = lock(&workspace.cross())?;
        let mirror = mirror::make(workspace)?;
        wdk_build::copy(workspace, &compiler)?;
        Ok(Self { workspace, compiler, mirror, _lock: lock })
    }

    /// A command of cargo for the target, still without packages.
    fn cargo(&self, program: &Path, subcommand: &str) -> Result<Command> {
        let mut cargo = Command::new(program);
        cargo.env_remove("LD_LIBRARY_PATH").env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
        cargo.current_dir(&self.mirror).env("RUSTC", &self.compiler.rustc);
        cargo.args([subcommand, "--release", "--locked", "--target", TARGET]);
        cargo.arg("--target-dir").arg(self.mirror.join("target"));
        if self.compiler.build_std {
            cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
        }
        let mut flags = vec!["-Cstrip=symbols".to_owned(), "-Clink-arg=-Wl,--no-insert-timestamp".to_owned()];
        flags.extend(remapped_prefixes(self.workspace, &self.compiler, &self.mirror)?);
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        cargo.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", GCC);
        Ok(cargo)
    }
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
