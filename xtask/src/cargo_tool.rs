//! Further commands of cargo, which crates.io has.

use std::env;
use std::ffi::OsString;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::exec;
use crate::workspace::{self, Workspace};

/// A command and the release of it that is known to work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CargoTool {
    /// After `cargo`.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl CargoTool {
    /// What PATH has to be for cargo to have the command. If it does not have it now, it is compiled, below the
    /// target folder, which is nothing to ask anybody for.
    pub(crate) fn path(self, workspace: &Workspace) -> Result<OsString> {
        let Self { name, version } = self;
        let own = env::var_os("PATH").unwrap_or_default();
        let folder = workspace.target.join("tools");
        let path = env::join_paths([folder.join("bin")].into_iter().chain(env::split_paths(&own)))?;
        let mut asked = Command::new(workspace::cargo());
        asked.args([name, "--version"]).env("PATH", &path);
        asked.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if !asked.status().is_ok_and(|status| status.success()) {
            let release = format!("cargo-{name}@{version}");
            eprintln!("compiling {release}");
            let mut install = Command::new(workspace::cargo());
            install.args(["install", "--locked", &release, "--root"]).arg(&folder);
            exec::run(&mut install).with_context(|| format!("{release} is not to be had"))?;
        }
        Ok(path)
    }
}
