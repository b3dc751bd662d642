//! `cargo xtask setup`: what the builds need and cargo cannot bring.

use std::env;
use std::io::{IsTerminal, Write, stderr, stdin};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::Format;
use crate::build::{Arch, Compiler, GNU_TARGET, Use, WASM_TARGET, missing_packages};
use crate::system::System;
use crate::{exec, platform};

/// Debian's compiler, for a toolchain that has neither the target's libraries nor their source.
const DEBIAN_COMPILER: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];

/// The clippy of that compiler.
const DEBIAN_CLIPPY: &str = "rust-web-clippy";

/// How long rustup may take, which waits long for a server that does not answer.
const RUSTUP_TIME: Duration = Duration::from_secs(90);

/// What the tools are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building the driver and running it.
    Build,
    /// Building and signing what a VM needs.
    Bundle,
    /// Building the driver and emulating it.
    Speakeasy,
    /// Checking a change.
    Test,
    /// Checking it as CI does.
    Full,
    /// Looking at the harness's pages, which CI leaves out where no browser can be had.
    Browser,
    /// Building the explorer's page, which CI leaves out where no compiler for it can be had.
    Explorer,
}

impl Purpose {
    fn uses(self) -> &'static [Use] {
        match self {
            Self::Build => &[Use::Driver],
            Self::Speakeasy => &[Use::Driver, Use::Python],
            Self::Bundle => &[Use::Driver, Use::Windows, Use::Signing],
            Self::Test => &[Use::Driver, Use::Windows, Use::Wine],
            Self::Full => &[Use::Driver, Use::Windows, Use::Wine, Use::Signing, Use::Fuzz, Use::Python],
            Self::Browser => &[Use::Browser],
            Self::Explorer => &[Use::Explorer],
        }
    }

    /// The targets of the Rust compiler.
    fn targets(self) -> &'static [&'static str] {
        const X64: &str = Arch::X64.target();
        const ARM64: &str = Arch::Arm64.target();
        match self {
            Self::Browser => &[],
            Self::Explorer => &[WASM_TARGET],
            Self::Build | Self::Speakeasy => &[X64],
            Self::Test => &[X64, GNU_TARGET],
            Self::Bundle | Self::Full => &[X64, GNU_TARGET, ARM64],
        }
    }

    /// Whether psimp.exe is built for arm64, with a standard library made for it from its source.
    fn needs_source(self) -> bool {
        self.targets().contains(&Arch::Arm64.target())
    }
}

/// The arguments of `cargo xtask setup`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Install without asking, as is done for root and in CI
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    format: Format,
}

pub(crate) fn main(args: &Args) -> Result<()> {
    let mut installed = install(Purpose::Full, args.yes)?;
    for purpose in [Purpose::Browser, Purpose::Explorer] {
        match install(purpose, args.yes) {
            Ok(more) => installed.extend(more),
            Err(error) => eprintln!("not installed; the tests that need it are skipped: {error:#}"),
        }
    }
    if args.format.json() {
        println!("{}", json!({ "installed": installed }));
    } else if installed.is_empty() {
        println!("nothing is missing");
    }
    Ok(())
}

/// Installs what is missing, after asking, and returns the names of what was installed.
pub(crate) fn install_missing(purpose: Purpose) -> Result<Vec<&'static str>> {
    install(purpose, false)
}

fn install(purpose: Purpose, yes: bool) -> Result<Vec<&'static str>> {
    let mut installed = rustup(purpose, yes)?;
    let Some(system) = System::find() else {
        // The build names what it misses.
        return Ok(installed);
    };
    let packages = packages(purpose, system);
    if packages.is_empty() {
        return Ok(installed);
    }
    let sudo: &[&str] =
        if platform::is_root().context("cannot find out which user runs this")? { &[] } else { &["sudo"] };
    let words = system.words(&packages);
    agree(&[sudo, &words].concat().join(" "), yes)?;
    for words in system.update().into_iter().chain([words.as_slice()]) {
        let words = [sudo, words].concat();
        let mut command = Command::new(words[0]);
        exec::run(command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    let left = self::packages(purpose, system);
    if !left.is_empty() {
        bail!("still missing after the installation: {}", left.join(" "));
    }
    installed.extend(packages);
    Ok(installed)
}

/// Gets libraries for the targets from rustup, where the compiler is rustup's. When it cannot get them, other ways
/// are left, so that is no error.
fn rustup(purpose: Purpose, yes: bool) -> Result<Vec<&'static str>> {
    // Set by rustup for every program that it starts.
    if env::var_os("RUSTUP_TOOLCHAIN").is_none() {
        return Ok(Vec::new());
    }
    let compiler = Compiler::active()?;
    let mut targets = purpose.targets().to_vec();
    targets.retain(|target| !compiler.has_target(target));
    let source = if purpose.needs_source() && !compiler.has_source() { &["rust-src"][..] } else { &[] };
    for (kind, names) in [("target", targets.as_slice()), ("component", source)] {
        if names.is_empty() {
            continue;
        }
        let words = [&["rustup", kind, "add"], names].concat();
        agree(&words.join(" "), yes)?;
        if let Err(error) = exec::run_for(Command::new(words[0]).args(&words[1..]), RUSTUP_TIME) {
            eprintln!("{error:#}; looking for another compiler");
            return Ok(Vec::new());
        }
    }
    Ok([&targets, source].concat())
}

/// The system's packages that are missing.
fn packages(purpose: Purpose, system: System) -> Vec<&'static str> {
    let mut packages = missing_packages(purpose.uses(), system);
    if system == System::Debian {
        let lacks_source = purpose.needs_source() && Compiler::with_source(Arch::Arm64.target()).is_err();
        if lacks_source || purpose.targets().iter().any(|target| Compiler::for_target(target).is_err()) {
            packages.extend(DEBIAN_COMPILER);
        }
        let debian = Compiler::find(Arch::X64).map_or(true, |compiler| compiler.is_debian());
        let clippy = matches!(purpose, Purpose::Test | Purpose::Full);
        if clippy && debian && !Path::new("/usr/bin/cargo-clippy").exists() {
            packages.push(DEBIAN_CLIPPY);
        }
    }
    packages
}

/// Fails unless the command may be run: for root, in CI, with `--yes`, or when the user says so.
pub(crate) fn agree(command: &str, yes: bool) -> Result<()> {
    let in_ci = env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    agreed(command, yes || in_ci || platform::is_root()?, || {
        if !stdin().is_terminal() {
            return Ok(String::new());
        }
        eprint!("Something is missing. Run «{command}»? [y/N] ");
        stderr().flush()?;
        let mut answer = String::new();
        stdin().read_line(&mut answer)?;
        Ok(answer)
    })
}

fn agreed(command: &str, unasked: bool, ask: impl FnOnce() -> Result<String>) -> Result<()> {
    if unasked {
        eprintln!("$ {command}");
        return Ok(());
    }
    if matches!(ask()?.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    bail!("something is missing; run: {command}\nor, to have it done: cargo xtask setup --yes")
}

#[cfg(test)]
mod tests {
    use super::agreed;

    #[test]
    fn nothing_is_installed_unless_somebody_agrees() {
        let answers = |answer: &str| agreed("apt-get install wine", false, || Ok(answer.to_owned()));
        for yes in ["y\n", "Y\n", "yes\n"] {
            answers(yes).expect(yes);
        }
        for no in ["", "\n", "n\n", "yet\n"] {
            let error = answers(no).expect_err(no).to_string();
            assert!(error.contains("run: apt-get install wine\n") && error.contains("--yes"), "{error}");
        }
        agreed("apt-get install wine", true, || panic!("nobody is asked")).expect("it is agreed already");
    }
}
