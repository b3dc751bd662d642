//! Finds a Rust compiler for the driver, which must have `core` and `alloc` for the kernel's target.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::Arch;
use crate::{exec, workspace};

/// The oldest release that builds the driver, in the form of `rustc --version`.
const OLDEST: &str = concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"));

const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// A cargo and a rustc that can build for a target.
#[derive(Debug, Clone)]
pub(crate) struct Compiler {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: OsString,
    /// The target's libraries have to be compiled first, from their source below the sysroot.
    pub(crate) build_std: bool,
    pub(crate) sysroot: PathBuf,
}

impl Compiler {
    /// The compiler for the driver.
    pub(crate) fn find(arch: Arch) -> Result<Self> {
        Self::for_target(arch.target())
    }

    /// Takes what this machine has: the toolchain's own libraries for the target, else its
    /// library source, else Debian's compiler with its library source.
    pub(crate) fn for_target(target: &str) -> Result<Self> {
        let active = Self::active()?;
        if active.has_target(target) {
            return Ok(active);
        }
        if active.has_source() {
            return Ok(Self { build_std: true, ..active });
        }
        Self::debian(target)
    }

    /// The same, if the libraries have to be compiled in another way than the toolchain's own were.
    pub(crate) fn with_source(target: &str) -> Result<Self> {
        let active = Self::active()?;
        if active.has_source() { Ok(Self { build_std: true, ..active }) } else { Self::debian(target) }
    }

    /// True for the compiler that Debian's packages bring.
    pub(crate) fn is_debian(&self) -> bool {
        self.cargo == Path::new(DEBIAN_CARGO)
    }

    /// Its clippy: the one beside its cargo, because another one on the path would use another compiler.
    pub(crate) fn clippy(&self) -> Option<PathBuf> {
        let clippy = self.cargo.with_file_name("cargo-clippy");
        clippy.exists().then_some(clippy)
    }

    /// The one that runs this program.
    pub(crate) fn active() -> Result<Self> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let sysroot = sysroot(&rustc)?;
        Ok(Self { cargo: workspace::cargo(), rustc, build_std: false, sysroot })
    }

    fn debian(target: &str) -> Result<Self> {
        let (rustc, cargo) = (Path::new("/usr/bin/rustc"), PathBuf::from(DEBIAN_CARGO));
        let remedy = format!(
            "run: rustup target add {target}, or install Debian's packages rustc-web, cargo-web and rust-web-src"
        );
        if !rustc.exists() || !cargo.exists() {
            bail!("no Rust compiler here has the libraries for {target}; {remedy}");
        }
        let rustc = OsString::from(rustc);
        let version = exec::stdout(Command::new(&rustc).arg("--version"))?;
        if minor(&version) < minor(OLDEST) {
            bail!("/usr/bin/rustc is too old ({}); {remedy}", version.trim());
        }
        let compiler = Self { cargo, sysroot: sysroot(&rustc)?, rustc, build_std: true };
        if !compiler.has_source() {
            bail!("/usr/bin/rustc has no library source; install Debian's package rust-web-src");
        }
        Ok(compiler)
    }

    /// Whether it has libraries for the target.
    pub(crate) fn has_target(&self, target: &str) -> bool {
        let libraries = self.sysroot.join("lib/rustlib").join(target).join("lib");
        let Ok(mut entries) = libraries.read_dir() else { return false };
        entries
            .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-")))
    }

    /// Whether it has the libraries' source.
    pub(crate) fn has_source(&self) -> bool {
        self.sysroot.join("lib/rustlib/src/rust/library/Cargo.toml").exists()
    }
}

fn sysroot(rustc: &OsString) -> Result<PathBuf> {
    Ok(PathBuf::from(exec::stdout(Command::new(rustc).args(["--print", "sysroot"]))?.trim()))
}

/// The 96 of `rustc 1.96.0 (…)`.
fn minor(version: &str) -> Option<u32> {
    version.split_whitespace().nth(1)?.split('.').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, minor};

    #[test]
    fn the_minor_version_is_read() {
        assert_eq!(minor("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"), Some(96));
        assert_eq!(minor("rustc 1.63.0"), Some(63));
        assert_eq!(minor("something else"), None);
        assert!(minor(OLDEST).is_some());
    }
}
