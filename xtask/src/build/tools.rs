//! The programs and files that the cross build needs beside a Rust compiler.

use std::path::Path;

use anyhow::{Result, bail};

pub(crate) const CLANG: &str = "/usr/bin/clang-19";
pub(crate) const DLLTOOL: &str = "/usr/bin/llvm-dlltool-19";
pub(crate) const LIB: &str = "/usr/bin/llvm-lib-19";
pub(crate) const LINKER: &str = "/usr/bin/lld-link-19";
pub(crate) const READOBJ: &str = "/usr/bin/llvm-readobj-19";
/// Where bindgen finds libclang. Not a newer one: from 22 on it yields opaque structures of one byte.
pub(crate) const LIBCLANG_DIR: &str = "/usr/lib/llvm-19/lib";
/// mingw-w64's user-mode headers; the kernel's are in `ddk` below.
pub(crate) const HEADERS: &str = "/usr/share/mingw-w64/include";

/// One file that must be there, and the Debian package that brings it.
struct Needed {
    file: &'static str,
    package: &'static str,
}

const NEEDED: [Needed; 7] = [
    Needed { file: CLANG, package: "clang-19" },
    Needed { file: DLLTOOL, package: "llvm-19" },
    Needed { file: LIB, package: "llvm-19" },
    Needed { file: READOBJ, package: "llvm-19" },
    Needed { file: LINKER, package: "lld-19" },
    Needed { file: "/usr/lib/llvm-19/lib/libclang.so", package: "libclang-19-dev" },
    Needed { file: "/usr/share/mingw-w64/include/ddk/ntifs.h", package: "mingw-w64-x86-64-dev" },
];

/// The packages of which something is missing, each once.
pub(crate) fn missing_packages() -> Vec<&'static str> {
    let mut packages: Vec<_> = NEEDED
        .iter()
        .filter(|needed| !Path::new(needed.file).exists())
        .map(|needed| needed.package)
        .collect();
    packages.dedup();
    packages
}

/// Fails with the first missing file and all packages that are missing.
pub(crate) fn check() -> Result<()> {
    match NEEDED.iter().find(|needed| !Path::new(needed.file).exists()) {
        None => Ok(()),
        Some(Needed { file, .. }) => {
            let packages = missing_packages().join(" ");
            bail!("{file} is missing; run: cargo xtask setup, or install the Debian packages: {packages}")
        }
    }
}
