//! `cargo xtask build --windows`: the harness as a Windows program, `psimp.exe`, and what Wine lacks to run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::compiler::Compiler;
use super::driver::{lock, remapped_prefixes};
use super::tools::{self, Tool, Use};
use super::version_resource::{self, File};
use super::{Arch, Image, mirror, runtime, wdk_build};
use crate::exec;
use crate::workspace::Workspace;

/// The target of psimp.exe for x86-64.
pub(crate) const GNU_TARGET: &str = "x86_64-pc-windows-gnu";

/// The compiler, the linker and the libraries that the harness is built with.
struct Setup {
    target: &'static str,
    compiler: Compiler,
    linker: PathBuf,
    /// How the standard library is compiled, if it is.
    std: &'static [&'static str],
    flags: Vec<String>,
    /// Where the linker looks for libraries; a flag would name this machine's folder to the compiler.
    libraries: Option<PathBuf>,
    output: &'static str,
}

/// Builds the harness for Windows on x86-64: `target/psimp.exe`.
pub(crate) fn harness_exe(workspace: &Workspace) -> Result<Image> {
    harness_exe_for(workspace, Arch::X64)
}

/// The same for another architecture, `target/psimp-arm64.exe`, which has run nowhere.
pub(crate) fn harness_exe_for(workspace: &Workspace, arch: Arch) -> Result<Image> {
    let prepared = Prepared::make(workspace, arch)?;
    let setup = &prepared.setup;
    let mut cargo = prepared.cargo(&setup.compiler.cargo, "build")?;
    exec::run(cargo.args(["--package", "psimp-harness"]))?;
    let built = prepared.target().join(setup.target).join("release/psimp.exe");
    let bytes = fs::read(&built).with_context(|| format!("cargo built no {}", built.display()))?;
    let output = workspace.target.join(setup.output);
    exec::write_if_changed(&output, bytes)?;
    Image::read(output)
}

/// Builds the example callers of the driver, in Rust and in C, into a folder.
pub(crate) fn clients(workspace: &Workspace, folder: &Path) -> Result<[PathBuf; 2]> {
    let [rust, c] = ["client-rust.exe", "client-c.exe"].map(|name| folder.join(name));
    {
        let prepared = Prepared::make(workspace, Arch::X64)?;
        let mut cargo = prepared.cargo(&prepared.setup.compiler.cargo, "build")?;
        exec::run(cargo.args(["--package", "psimp-windows", "--example", "client"]))?;
        let built = prepared.target().join(GNU_TARGET).join("release/examples/client.exe");
        fs::copy(&built, &rust).with_context(|| format!("cargo built no {}", built.display()))?;
    }
    let mut gcc = Tool::Gcc.command()?;
    gcc.args(["-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"]);
    gcc.arg(workspace.root.join("include")).arg(workspace.root.join("crates/windows/examples/client.c"));
    exec::run_quietly(gcc.arg("-o").arg(&c).arg("-ladvapi32"))?;
    Ok([rust, c])
}

/// Runs the unit tests of what calls Windows with a program such as Wine, for which `settings` prepares the environment.
pub(crate) fn unit_tests(
    workspace: &Workspace,
    runner: &Path,
    settings: impl FnOnce(&mut Command),
) -> Result<()> {
    let prepared = Prepared::make(workspace, Arch::X64)?;
    let mut cargo = prepared.cargo(&prepared.setup.compiler.cargo, "test")?;
    cargo.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", runner);
    settings(&mut cargo);
    exec::run(cargo.args(["--package", "psimp-windows", "--lib"]))
}

/// Runs clippy over what calls Windows, as it is built for it. False if the compiler has no clippy.
pub(crate) fn clippy(workspace: &Workspace) -> Result<bool> {
    let prepared = Prepared::make(workspace, Arch::X64)?;
    let Some(clippy) = prepared.setup.compiler.clippy() else { return Ok(false) };
    let mut command = prepared.cargo(&clippy, "clippy")?;
    command.env("CARGO", &prepared.setup.compiler.cargo);
    command.args([
        "--package",
        "psimp-harness",
        "--package",
        "psimp-windows",
        "--lib",
        "--bins",
        "--examples",
    ]);
    command.args(["--", "-D", "warnings"]);
    exec::run(&mut command)?;
    Ok(true)
}

/// Everything that cargo needs, brought up to date.
struct Prepared<'a> {
    workspace: &'a Workspace,
    setup: Setup,
    /// The same mirror as the driver's, for the same reason: no path gets into the program.
    mirror: PathBuf,
    /// Held until the program is copied.
    _lock: fs::File,
}

impl<'a> Prepared<'a> {
    fn make(workspace: &'a Workspace, arch: Arch) -> Result<Self> {
        let setup = match arch {
            Arch::X64 => Setup::with_debians_runtime()?,
            Arch::Arm64 => Setup::without_runtime(workspace, arch)?,
        };
        let lock = lock(&workspace.cross())?;
        let mirror = mirror::make(workspace)?;
        wdk_build::copy(workspace, &setup.compiler)?;
        make_resource(&mirror.join(resource(setup.target)), arch)?;
        Ok(Self { workspace, setup, mirror, _lock: lock })
    }

    /// A folder for each target, beside the drivers'. In one folder each build would throw away what another left:
    /// the standard library, which for arm64 is compiled with flags that differ from the driver's, and every procedural
    /// macro, since build scripts look whether the standard library is compiled.
    fn target(&self) -> PathBuf {
        self.mirror.join("target/windows").join(self.setup.target)
    }

    /// A command of cargo for the target, still without packages.
    fn cargo(&self, program: &Path, subcommand: &str) -> Result<Command> {
        let setup = &self.setup;
        let mut cargo = Command::new(program);
        cargo.env_remove("LD_LIBRARY_PATH").env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
        cargo.current_dir(&self.mirror).env("RUSTC", &setup.compiler.rustc);
        cargo.args([subcommand, "--release", "--locked", "--target", setup.target]);
        cargo.arg("--target-dir").arg(self.target());
        cargo.env("PSIMP_BUILD_ID", &self.workspace.build_id);
        if setup.compiler.build_std {
            cargo.args(setup.std).env("RUSTC_BOOTSTRAP", "1");
        }
        let mut flags = setup.flags.clone();
        flags.push(format!("-Clink-arg={}", resource(setup.target)));
        flags.extend(remapped_prefixes(self.workspace, &setup.compiler, &self.mirror)?);
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        let variable = setup.target.replace('-', "_").to_uppercase();
        cargo.env(format!("CARGO_TARGET_{variable}_LINKER"), &setup.linker);
        // The driver's profile is for an image that is read instruction by instruction. Here it would
        // double the time of every build, for a program that spends its time waiting.
        cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        if let Some(libraries) = &setup.libraries {
            cargo.env("LIB", libraries);
        }
        Ok(cargo)
    }
}

/// The object with the version resource, from the folder that cargo runs in: a flag with this machine's folder would
/// change what is built.
fn resource(target: &str) -> String {
    format!("version/{target}/psimp.o")
}

fn make_resource(object: &Path, arch: Arch) -> Result<()> {
    let folder = object.parent().context("it has a folder")?;
    exec::create_dir(folder)?;
    // VFT_APP
    let file = File { name: "psimp.exe", description: "Runs the cases of psimp.sys", kind: (1, 0) };
    let script = version_resource::script(&file, env!("CARGO_PKG_VERSION"));
    exec::write_if_changed(&folder.join("psimp.rc"), script)?;
    let mut rc = Tool::Rc.command()?;
    exec::run_quietly(rc.current_dir(folder).args(["/no-preprocess", "/fo", "psimp.res", "psimp.rc"]))?;
    let mut cvtres = Tool::Cvtres.command()?;
    let machine = format!("/machine:{}", arch.folder());
    exec::run_quietly(cvtres.current_dir(folder).args([&machine, "/out:psimp.o", "psimp.res"]))
}

impl Setup {
    /// For x86-64, where C runtime and linker are Debian packages; Microsoft's are not.
    fn with_debians_runtime() -> Result<Self> {
        tools::check(Use::Windows)?;
        let target = GNU_TARGET;
        let flags = ["-Cstrip=symbols", "-Clink-arg=-Wl,--no-insert-timestamp"];
        Ok(Self {
            target,
            compiler: Compiler::for_target(target)?,
            linker: Tool::Gcc.path()?,
            std: &["-Zbuild-std=std,panic_abort"],
            flags: flags.map(str::to_owned).into(),
            libraries: None,
            output: "psimp.exe",
        })
    }

    /// For an architecture for which there is no C runtime: with an entry point of our own, and a standard library
    /// that is compiled so as to need nothing else.
    fn without_runtime(workspace: &Workspace, arch: Arch) -> Result<Self> {
        tools::check(Use::Driver)?;
        let target = arch.target();
        let libraries = runtime::make(workspace, arch)?;
        let flags = [
            "-Cstrip=symbols".to_owned(),
            "-Ctarget-feature=+crt-static".to_owned(),
            "-Clink-arg=/DEBUG:NONE".to_owned(),
            // The checksum in the header, as the other linker writes it: what remains of a signed file when its
            // signature is removed has one.
            "-Clink-arg=/RELEASE".to_owned(),
            "-Clink-arg=/Brepro".to_owned(),
            "-Clink-arg=/MERGE:.CRT=.rdata".to_owned(),
            format!("-Clink-arg={}", runtime::START),
        ];
        Ok(Self {
            target,
            compiler: Compiler::with_source(target)?,
            linker: Tool::Linker.path()?,
            // Import libraries made by rustc, and its own memcpy.
            std: &[
                "-Zbuild-std=std,panic_abort",
                "-Zbuild-std-features=windows_raw_dylib,compiler-builtins-mem",
            ],
            flags: flags.into(),
            libraries: Some(libraries),
            output: "psimp-arm64.exe",
        })
    }
}

/// Builds `bcryptprimitives.dll` for Wine, whose own lacks the one export that Rust's standard library asks
/// for. Windows has it; it is never shipped.
pub(crate) fn wine_shim(workspace: &Workspace) -> Result<PathBuf> {
    tools::check(Use::Windows)?;
    let source = workspace.root.join("xtask/wine/bcryptprimitives.c");
    let output = workspace.target.join("wine/bcryptprimitives.dll");
    exec::create_dir(&workspace.target.join("wine"))?;
    let mut gcc = Tool::Gcc.command()?;
    gcc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-o"])
        .arg(&output)
        .arg(source)
        .arg("-ladvapi32");
    exec::run_quietly(&mut gcc)?;
    Ok(output)
}
