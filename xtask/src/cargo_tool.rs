//! Further commands of cargo, which crates.io has.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Result;

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
    /// What PATH has to be for cargo to have the command, which is installed if it is not.
    pub(crate) fn path(self, workspace: &Workspace) -> Result<OsString> {
        if let Some(mut install) = self.install(workspace)? {
            exec::run(&mut install)?;
        }
        Self::search(workspace)
    }

    /// Compiles the command, if cargo does not have it: below the target folder, which is nothing to ask anybody for.
    pub(crate) fn install(self, workspace: &Workspace) -> Result<Option<Command>> {
        let Self { name, version } = self;
        let mut asked = Command::new(workspace::cargo());
        asked.args([name, "--version"]).env("PATH", Self::search(workspace)?);
        asked.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if asked.status().is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        let mut install = Command::new(workspace::cargo());
        install.args(["install", "--locked", &format!("cargo-{name}@{version}"), "--root"]);
        install.arg(folder(workspace));
        Ok(Some(install))
    }

    /// PATH, with the folder before it that commands are installed in.
    pub(crate) fn search(workspace: &Workspace) -> Result<OsString> {
        let own = env::var_os("PATH").unwrap_or_default();
        Ok(env::join_paths([folder(workspace).join("bin")].into_iter().chain(env::split_paths(&own)))?)
    }
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools")
}
