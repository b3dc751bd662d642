//! Cargo on a driver package, with the stand-in WDK and the copy of wdk-build.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::compiler::Compiler;
use super::tools::{self, Tool, Use};
use super::wdk_tree::WdkTree;
use super::{Arch, Image, linker, mirror, wdk_build};
use crate::exec;
use crate::workspace::Workspace;

/// Everything that cargo needs, brought up to date.
struct Prepared<'a> {
    workspace: &'a Workspace,
    arch: Arch,
    compiler: Compiler,
    mirror: PathBuf,
    tree: WdkTree,
    /// Held until the image is copied.
    _lock: File,
}

/// A package that makes a driver image when its feature `kernel` is on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    /// The name of its library.
    pub(crate) stem: &'static str,
}

/// The driver.
pub(crate) const PSIMP: Package = Package { name: "psimp", stem: "psimp" };

/// The driver that breaks every contract that the host's tests check.
pub(crate) const MALICIOUS: Package = Package { name: "psimp-malicious", stem: "malicious" };

/// The driver of the host's example.
pub(crate) const MINIMAL: Package = Package { name: "psimp-minimal", stem: "minimal" };

/// Builds a driver and puts the image at `output`.
pub(crate) fn build(workspace: &Workspace, package: Package, arch: Arch, output: PathBuf) -> Result<Image> {
    let prepared = Prepared::make(workspace, arch)?;
    let mut cargo = prepared.cargo(&prepared.compiler.cargo, "build")?;
    exec::run(cargo.args(["--package", package.name, "--features", "kernel"]))?;
    let built = prepared.mirror.join("target").join(arch.target()).join("release/deps").join(package.stem);
    let built = built.with_extension("dll");
    for (made, output) in [(&built, &output), (&built.with_extension("pdb"), &output.with_extension("pdb"))] {
        let bytes = fs::read(made).with_context(|| format!("cargo built no {}", made.display()))?;
        exec::write_if_changed(output, bytes)?;
    }
    Ok(Image { link: Some(linker::command(&built)?), ..Image::read(output)? })
}

/// Where the linker, as wdk-build asks of it, lists the functions of the image that it linked last.
pub(crate) fn map(workspace: &Workspace, arch: Arch) -> PathBuf {
    workspace.cross().join("target").join(arch.target()).join("release/deps/psimp.map")
}

/// Runs clippy over all drivers as they are built for the kernel. False if the compiler has no clippy.
pub(crate) fn clippy(workspace: &Workspace) -> Result<bool> {
    let prepared = Prepared::make(workspace, Arch::X64)?;
    let Some(clippy) = prepared.compiler.clippy() else { return Ok(false) };
    let mut command = prepared.cargo(&clippy, "clippy")?;
    command.env("CARGO", &prepared.compiler.cargo).args([
        "--package",
        PSIMP.name,
        "--package",
        MALICIOUS.name,
        "--package",
        MINIMAL.name,
    ]);
    command.args(["--features", "kernel", "--", "-D", "warnings"]);
    exec::run(&mut command)?;
    Ok(true)
}

impl<'a> Prepared<'a> {
    fn make(workspace: &'a Workspace, arch: Arch) -> Result<Self> {
        tools::check(Use::Driver)?;
        let compiler = Compiler::find(arch)?;
        let lock = lock(&workspace.cross())?;
        let mirror = mirror::make(workspace)?;
        wdk_build::copy(workspace, &compiler)?;
        let tree = WdkTree::make(workspace, arch)?;
        if tree.kmdf_changed {
            forget_kmdf(&mirror)?;
        }
        Ok(Self { workspace, arch, compiler, mirror, tree, _lock: lock })
    }

    /// A command of cargo on driver packages, still without their names and features.
    fn cargo(&self, program: &Path, subcommand: &str) -> Result<Command> {
        let mut cargo = Command::new(program);
        // Variables that this program's own toolchain has set must not reach another one.
        cargo.env_remove("LD_LIBRARY_PATH").env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
        cargo.current_dir(&self.mirror).env("RUSTC", &self.compiler.rustc);
        cargo.args([subcommand, "--release", "--locked", "--lib", "--target", self.arch.target()]);
        cargo.arg("--target-dir").arg(self.mirror.join("target"));
        if self.compiler.build_std {
            cargo.arg("-Zbuild-std=core,alloc").env("RUSTC_BOOTSTRAP", "1");
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", self.rust_flags()?);
        let variable = self.arch.variable().to_uppercase();
        cargo.env(format!("CARGO_TARGET_{variable}_LINKER"), linker::make(self.workspace)?);
        // For the PDB; nothing of it is in the image.
        cargo.env("CARGO_PROFILE_RELEASE_DEBUG", "full");
        // Lints of the wdk crates are not ours to fix.
        cargo.env("CARGO_FUTURE_INCOMPAT_REPORT_FREQUENCY", "never");
        cargo.env("PSIMP_BUILD_ID", &self.workspace.build_id);
        cargo.env("PSIMP_WDK_LIBRARIES", &self.tree.libraries).env("LLVM_RC", Tool::Rc.path()?);
        cargo.envs(self.header_variables()?);
        Ok(cargo)
    }

    /// How wdk-sys finds the headers and the programs that read them.
    fn header_variables(&self) -> Result<[(String, String); 8]> {
        let target = self.arch.variable();
        let compat = path(&self.tree.compat_header)?;
        // The headers call intrinsics whose own headers are left empty.
        let quiet = "-Wno-implicit-function-declaration -w";
        Ok([
            ("WDKContentRoot".to_owned(), path(&self.tree.root)?.to_owned()),
            ("LIBCLANG_PATH".to_owned(), Tool::Libclang.text()?),
            ("BINDGEN_EXTRA_CLANG_ARGS".to_owned(), format!("-include '{compat}' {quiet}")),
            (format!("CC_{target}"), path(&self.tree.clang_cl)?.to_owned()),
            (format!("CFLAGS_{target}"), format!("'/FI{compat}' {quiet}")),
            ("CC_SHELL_ESCAPED_FLAGS".to_owned(), "1".to_owned()),
            (format!("AR_{target}"), Tool::Lib.text()?),
            // wdk-sys reports every step of bindgen otherwise.
            ("RUST_LOG".to_owned(), "warn".to_owned()),
        ])
    }

    /// The flags for the driver and what it is linked from, in cargo's encoding.
    fn rust_flags(&self) -> Result<String> {
        let mut flags = vec![
            // wdk-build requires it: a driver has no C runtime to load.
            "-Ctarget-feature=+crt-static".to_owned(),
            // Indirect calls go through the kernel's check of their target.
            "-Ccontrol-flow-guard".to_owned(),
            // No driver calls longjmp, and there is no table for it.
            "-Clink-arg=/GUARD:CF,NOLONGJMP".to_owned(),
            // The checksum in the header, which the kernel verifies.
            "-Clink-arg=/RELEASE".to_owned(),
            // A hash of the image where the time of the build would be. The PDB's GUID is a hash of the PDB.
            "-Clink-arg=/Brepro".to_owned(),
        ];
        flags.extend(remapped_prefixes(self.workspace, &self.compiler, &self.mirror)?);
        Ok(flags.join("\u{1f}"))
    }
}

/// Flags that keep the names of this machine's folders out of what is built.
pub(super) fn remapped_prefixes(
    workspace: &Workspace,
    compiler: &Compiler,
    mirror: &Path,
) -> Result<Vec<String>> {
    let folders = [
        (cargo_home(), "/cargo"),
        (Some(compiler.sysroot.join("lib/rustlib/src/rust")), "/rust"),
        (Some(workspace.root.clone()), "/psimp"),
        (Some(mirror.to_owned()), "/psimp"),
    ];
    let folders = folders.into_iter().filter_map(|(from, to)| Some((from?, to)));
    folders.map(|(from, to)| Ok(format!("--remap-path-prefix={}={to}", path(&from)?))).collect()
}

/// Waits until no other build uses the folder, and keeps others out until the file is dropped.
pub(super) fn lock(folder: &Path) -> Result<File> {
    exec::create_dir(folder)?;
    let path = folder.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("waiting for another build of the driver");
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

fn cargo_home() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

/// `wdk-macros` keeps the signatures that it read from the bindings, and never reads them again.
fn forget_kmdf(mirror: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(mirror.join("target/release/build")) else { return Ok(()) };
    for entry in entries {
        let cache = entry?.path().join("out/wdk_macros_ast_fragments/cached_function_info_map.json");
        if cache.exists() {
            fs::remove_file(&cache).with_context(|| format!("cannot remove {}", cache.display()))?;
        }
    }
    Ok(())
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}
