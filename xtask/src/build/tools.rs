//! The programs and files that the cross build needs beside a Rust compiler.

use std::path::Path;

use anyhow::{Result, bail};

pub(crate) const CLANG: &str = "/usr/bin/clang-19";
pub(crate) const DLLTOOL: &str = "/usr/bin/llvm-dlltool-19";
pub(crate) const LIB: &str = "/usr/bin/llvm-lib-19";
pub(crate) const LINKER: &str = "/usr/bin/lld-link-19";
/// The linker of psimp.exe, and the compiler of what Wine lacks.
pub(crate) const GCC: &str = "/usr/bin/x86_64-w64-mingw32-gcc";
/// The browser that opens the reports.
pub(crate) const CHROMIUM: &str = "/usr/bin/chromium";
pub(crate) const WINE: &str = "/usr/bin/wine";
/// Makes the certificate that a bundle is signed with.
pub(crate) const OPENSSL: &str = "/usr/bin/openssl";
/// Signs, and verifies signatures.
pub(crate) const OSSLSIGNCODE: &str = "/usr/bin/osslsigncode";
/// Runs the emulator that psimp.sys is compared in.
pub(crate) const PYTHON: &str = "/usr/bin/python3";
pub(crate) const READOBJ: &str = "/usr/bin/llvm-readobj-19";
/// Where bindgen finds libclang. Not a newer one: from 22 on it yields opaque structures of one byte.
pub(crate) const LIBCLANG_DIR: &str = "/usr/lib/llvm-19/lib";
/// mingw-w64's user-mode headers; the kernel's are in `ddk` below.
pub(crate) const HEADERS: &str = "/usr/share/mingw-w64/include";

/// What a tool is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Building and reading the driver.
    Driver,
    /// Building the harness for Windows.
    Windows,
    /// Running that here.
    Wine,
    /// Signing the driver.
    Signing,
    /// Fuzzing: libFuzzer itself is C++.
    Fuzz,
    /// Emulating the driver, for a comparison.
    Speakeasy,
    /// Looking at the pages that the harness writes.
    Browser,
}

/// One file that must exist, and the Debian package that contains it.
struct Needed {
    used_for: Use,
    file: &'static str,
    package: &'static str,
}

const fn needed(used_for: Use, file: &'static str, package: &'static str) -> Needed {
    Needed { used_for, file, package }
}

const NEEDED: &[Needed] = &[
    needed(Use::Driver, CLANG, "clang-19"),
    needed(Use::Driver, DLLTOOL, "llvm-19"),
    needed(Use::Driver, LIB, "llvm-19"),
    needed(Use::Driver, READOBJ, "llvm-19"),
    needed(Use::Driver, LINKER, "lld-19"),
    needed(Use::Driver, "/usr/lib/llvm-19/lib/libclang.so", "libclang-19-dev"),
    needed(Use::Driver, "/usr/share/mingw-w64/include/ddk/ntifs.h", "mingw-w64-x86-64-dev"),
    needed(Use::Windows, GCC, "gcc-mingw-w64-x86-64"),
    needed(Use::Wine, WINE, "wine"),
    needed(Use::Wine, "/usr/lib/wine/wine64", "wine64"),
    needed(Use::Signing, OPENSSL, "openssl"),
    needed(Use::Signing, OSSLSIGNCODE, "osslsigncode"),
    needed(Use::Fuzz, "/usr/bin/c++", "g++"),
    needed(Use::Speakeasy, PYTHON, "python3"),
    // What makes an environment with pip in it.
    needed(Use::Speakeasy, "/usr/lib/python3.11/ensurepip", "python3-venv"),
    needed(Use::Browser, CHROMIUM, "chromium"),
];

/// The packages of which something is missing, each once.
pub(crate) fn missing_packages(uses: &[Use]) -> Vec<&'static str> {
    let missing =
        NEEDED.iter().filter(|needed| uses.contains(&needed.used_for) && !Path::new(needed.file).exists());
    let mut packages: Vec<_> = missing.map(|needed| needed.package).collect();
    packages.dedup();
    packages
}

/// Fails with the first missing file and all packages that are missing.
pub(crate) fn check(used_for: Use) -> Result<()> {
    let mut of_use = NEEDED.iter().filter(|needed| needed.used_for == used_for);
    match of_use.find(|needed| !Path::new(needed.file).exists()) {
        None => Ok(()),
        Some(Needed { file, .. }) => {
            let packages = missing_packages(&[used_for]).join(" ");
            bail!("{file} is missing; run: cargo xtask setup, or install the Debian packages: {packages}")
        }
    }
}
