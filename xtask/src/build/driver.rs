//! Cargo's build of the driver package, with the stand-in WDK and the copy of wdk-build.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::compiler::{Compiler, TARGET};
use super::wdk_tree::WdkTree;
use super::{Image, tools, wdk_build};
use crate::exec;
use crate::workspace::Workspace;

/// Builds the driver, with one feature more if asked, and puts the image at `output`.
pub(crate) fn build(workspace: &Workspace, feature: Option<&str>, output: PathBuf) -> Result<Image> {
    tools::check()?;
    let compiler = Compiler::find()?;
    let wdk_build = wdk_build::copy(workspace, &compiler)?;
    let tree = WdkTree::make(workspace)?;
    if tree.kmdf_changed {
        forget_kmdf(workspace)?;
    }
    exec::run(&mut cargo(workspace, &compiler, &tree, &wdk_build, feature)?)?;
    let built = workspace.cross().join(TARGET).join("release/psimp.dll");
    let bytes = fs::read(&built).with_context(|| format!("cargo built no {}", built.display()))?;
    exec::write_if_changed(&output, bytes)?;
    Image::read(output)
}

fn cargo(
    workspace: &Workspace,
    compiler: &Compiler,
    tree: &WdkTree,
    wdk_build: &Path,
    feature: Option<&str>,
) -> Result<Command> {
    let features = std::iter::once("kernel").chain(feature).collect::<Vec<_>>().join(",");
    let mut cargo = Command::new(&compiler.cargo);
    // What the toolchain that runs this program set for itself must not reach another one.
    cargo.env_remove("LD_LIBRARY_PATH").env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
    cargo.current_dir(&workspace.root).env("RUSTC", &compiler.rustc);
    cargo.args(["build", "--release", "--locked", "--package", "psimp", "--lib"]);
    cargo.args(["--target", TARGET, "--features", &features, "--target-dir"]).arg(workspace.cross());
    cargo.arg("--config").arg(format!("paths = [{wdk_build:?}]"));
    if compiler.build_std {
        cargo.arg("-Zbuild-std=core,alloc").env("RUSTC_BOOTSTRAP", "1");
    }

    let compat = path(&tree.compat_header)?;
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(workspace, compiler)?);
    cargo.env("PSIMP_BUILD_ID", workspace.build_id());
    cargo.env("PSIMP_WDK_LIBRARIES", &tree.libraries);
    cargo.env(wdk_build::MANIFEST_VARIABLE, workspace.root.join("Cargo.toml"));
    cargo.env("WDKContentRoot", &tree.root);
    cargo.env("LIBCLANG_PATH", tools::LIBCLANG_DIR);
    cargo.env("BINDGEN_EXTRA_CLANG_ARGS", format!("-include '{compat}' -Wno-implicit-function-declaration"));
    cargo.env("CC_x86_64_pc_windows_msvc", &tree.clang_cl);
    cargo.env("CFLAGS_x86_64_pc_windows_msvc", format!("/FI{compat}"));
    cargo.env("AR_x86_64_pc_windows_msvc", tools::LIB);
    // wdk-sys reports every step of bindgen otherwise.
    cargo.env("RUST_LOG", "warn");
    Ok(cargo)
}

/// The flags for the driver and what it is linked from, one per line of the encoding.
fn rust_flags(workspace: &Workspace, compiler: &Compiler) -> Result<String> {
    let mut flags = vec![
        // wdk-build insists: a driver has no C runtime to load.
        "-Ctarget-feature=+crt-static".to_owned(),
        format!("-Clinker={}", tools::LINKER),
        "-Clinker-flavor=lld-link".to_owned(),
        // No PDB, and so no path to one in the image.
        "-Cstrip=symbols".to_owned(),
        "-Clink-arg=/DEBUG:NONE".to_owned(),
        // The checksum in the header, which the kernel verifies.
        "-Clink-arg=/RELEASE".to_owned(),
        // A hash of the image where the time of the build would be.
        "-Clink-arg=/Brepro".to_owned(),
    ];
    // No name of a folder of this machine may get into the image.
    for (from, to) in [
        (cargo_home(), "/cargo"),
        (Some(compiler.sysroot.join("lib/rustlib/src/rust")), "/rust"),
        (Some(workspace.root.clone()), "/psimp"),
        (Some(workspace.cross()), "/cross"),
    ] {
        if let Some(from) = from {
            flags.push(format!("--remap-path-prefix={}={to}", path(&from)?));
        }
    }
    Ok(flags.join("\u{1f}"))
}

fn cargo_home() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

/// `wdk-macros` keeps the signatures that it read from the bindings, and never reads them again.
fn forget_kmdf(workspace: &Workspace) -> Result<()> {
    let scripts = workspace.cross().join("release/build");
    let Ok(entries) = fs::read_dir(&scripts) else { return Ok(()) };
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
