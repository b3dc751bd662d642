//! `cargo xtask setup`: what the cross build needs and cargo cannot bring.

use std::io::{IsTerminal, stdin};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::Format;
use crate::build::{Arch, Compiler, Use, missing_tools};
use crate::{exec, platform};

/// Debian's compiler, for a toolchain that has neither the target's libraries nor their source.
const DEBIAN_COMPILER: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];

/// The clippy of that compiler.
const DEBIAN_CLIPPY: &str = "rust-web-clippy";

/// What the packages are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building the driver and running it.
    Build,
    /// Building and signing what a VM needs.
    Bundle,
    /// Building the driver and emulating it.
    Speakeasy,
    /// All of that but the emulator, and checking it as CI does.
    Test,
    /// Looking at the harness's pages, which CI leaves out where no browser can be had.
    Browser,
}

impl Purpose {
    fn uses(self) -> &'static [Use] {
        match self {
            Self::Build => &[Use::Driver],
            Self::Speakeasy => &[Use::Driver, Use::Speakeasy],
            Self::Bundle => &[Use::Driver, Use::Windows, Use::Signing],
            Self::Test => &[Use::Driver, Use::Windows, Use::Wine, Use::Signing, Use::Fuzz],
            Self::Browser => &[Use::Browser],
        }
    }
}

/// The arguments of `cargo xtask setup`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: Format,
}

pub(crate) fn main(args: &Args) -> Result<()> {
    let mut installed = install_missing(Purpose::Test)?;
    match install_missing(Purpose::Browser) {
        Ok(packages) => installed.extend(packages),
        Err(error) => eprintln!("not installed; the tests that need it are skipped: {error:#}"),
    }
    if args.format.json() {
        println!("{}", json!({ "installed": installed }));
    } else if installed.is_empty() {
        println!("nothing is missing");
    }
    Ok(())
}

/// Installs the Debian packages that are missing and returns their names.
pub(crate) fn install_missing(purpose: Purpose) -> Result<Vec<&'static str>> {
    let packages = missing_packages(purpose);
    if packages.is_empty() {
        return Ok(packages);
    }
    let list = packages.join(" ");
    let command = format!("apt-get install --no-install-recommends {list}");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("these Debian packages are missing: {list}; they can be installed on Debian only");
    }
    eprintln!("installing the Debian packages: {list}");
    let sudo = if platform::is_root().context("cannot find out which user runs this")? {
        None
    } else if sudo_works() {
        Some("sudo")
    } else {
        bail!("packages are missing and cannot be installed without root; run as root: {command}");
    };
    apt_get(sudo, &["update", "-q"])?;
    apt_get(sudo, &[&["install", "-q", "-y", "--no-install-recommends"], packages.as_slice()].concat())?;
    let left = missing_packages(purpose);
    if !left.is_empty() {
        bail!("still missing after the installation: {}", left.join(" "));
    }
    Ok(packages)
}

fn missing_packages(purpose: Purpose) -> Vec<&'static str> {
    let mut packages = missing_tools(purpose.uses());
    // The tests build for every architecture, and the harness for arm64 with a standard library made for it.
    let arches = if purpose == Purpose::Test { Arch::ALL } else { &[Arch::X64] };
    let lacks_source = purpose == Purpose::Test && Compiler::with_source(Arch::Arm64.target()).is_err();
    if lacks_source || arches.iter().any(|arch| Compiler::find(*arch).is_err()) {
        packages.extend(DEBIAN_COMPILER);
    }
    let debian = Compiler::find(Arch::X64).map_or(true, |compiler| compiler.is_debian());
    if purpose == Purpose::Test && debian && !Path::new("/usr/bin/cargo-clippy").exists() {
        packages.push(DEBIAN_CLIPPY);
    }
    packages
}

/// True if sudo needs no password, or a user can enter it.
fn sudo_works() -> bool {
    let mut sudo = Command::new("sudo");
    let silent = sudo.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success() || stdin().is_terminal())
}

fn apt_get(sudo: Option<&str>, args: &[&str]) -> Result<()> {
    let mut words = sudo.into_iter().chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    let mut command = Command::new(words.next().context("a command has a first word")?);
    exec::run(command.args(words).args(args))
}
