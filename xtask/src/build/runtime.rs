//! The libraries that psimp.exe for arm64 is linked with besides Rust's own. Debian has no C runtime for that
//! target, and the program hardly needs one: the standard library calls Windows itself.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Arch, Tool};
use crate::exec;
use crate::workspace::Workspace;

/// The library with the entry point and the way to [`UCRT`], under the name by which crates ask for a C runtime
/// that is linked statically.
pub(super) const START: &str = "libcmt.lib";

/// The one export that the entry point calls, from a library that crates name as well.
const KERNEL32: &str = "LIBRARY kernel32.dll\nEXPORTS\nExitProcess\n";

/// What crates call of a C runtime, from the one that is a part of Windows 10.
const UCRT: &str = "LIBRARY ucrtbase.dll\nEXPORTS\npow\n";

/// Makes the libraries in a folder of their own and returns it.
pub(super) fn make(workspace: &Workspace, arch: Arch) -> Result<PathBuf> {
    let folder = workspace.cross().join("runtime").join(arch.target());
    exec::create_dir(&folder)?;
    imports(&folder, arch, "kernel32", KERNEL32)?;
    let ucrt = imports(&folder, arch, "ucrt", UCRT)?;

    let object = folder.join("start.obj");
    let mut clang = Tool::Clang.command()?;
    clang.arg(format!("--target={}", arch.target()));
    clang.args(["-std=c17", "-fms-extensions", "-O2", "-Wall", "-Wextra", "-Werror", "-c"]);
    clang.arg(workspace.cross_sources().join("exe_start.c")).arg("-o").arg(&object);
    exec::run_quietly(&mut clang)?;
    let mut lib = Tool::Lib.command()?;
    lib.arg(format!("/out:{}", folder.join(START).display())).arg(&object).arg(ucrt);
    exec::run_quietly(&mut lib)?;
    Ok(folder)
}

/// Makes an import library.
fn imports(folder: &Path, arch: Arch, name: &str, def: &str) -> Result<PathBuf> {
    let (path, library) = (folder.join(format!("{name}.def")), folder.join(format!("{name}.lib")));
    exec::write_if_changed(&path, def)?;
    let mut dlltool = Tool::Dlltool.command()?;
    dlltool.args(["-m", arch.dlltool(), "-d"]).arg(&path).arg("-l").arg(&library);
    exec::run_quietly(&mut dlltool)?;
    Ok(library)
}

/// The libraries of Windows that a program loads, as `llvm-readobj` sees them.
pub(crate) fn loaded(program: &Path) -> Result<Vec<String>> {
    let listed = exec::stdout(Tool::Readobj.command()?.arg("--coff-imports").arg(program))?;
    let names = listed.lines().filter_map(|line| line.trim().strip_prefix("Name: "));
    Ok(names.map(str::to_lowercase).collect())
}
