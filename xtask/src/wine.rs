//! Running psimp.exe under Wine: in a prefix below the target folder, without a display.

pub(crate) mod clients;
pub(crate) mod driver;
pub(crate) mod explain;
pub(crate) mod left;
pub(crate) mod results;
pub(crate) mod show;
pub(crate) mod survey;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::build::{self, Image, Tool};
use crate::exec;
use crate::workspace::Workspace;

/// A Wine that has psimp.exe, with what it lacks beside it.
pub(crate) struct Wine {
    folder: PathBuf,
    program: PathBuf,
}

impl Wine {
    /// Makes the prefix, which takes some ten seconds the first time, and puts the program there.
    pub(crate) fn prepare(workspace: &Workspace, program: &Image) -> Result<Self> {
        build::wine_shim(workspace)?;
        let wine = Self { folder: workspace.target.join("wine"), program: Tool::Wine.path()? };
        let copy = wine.folder.join("psimp.exe");
        fs::copy(&program.path, &copy).with_context(|| format!("cannot write {}", copy.display()))?;
        if !wine.folder.join("prefix/system.reg").exists() {
            let mut boot = wine.wine();
            exec::run_quietly(boot.args(["wineboot", "--init"]).stdin(Stdio::null()))?;
        }
        Ok(wine)
    }

    /// `psimp.exe`, still without arguments.
    pub(crate) fn psimp(&self) -> Command {
        self.program(&self.folder.join("psimp.exe"))
    }

    /// Another program, still without arguments. What psimp.exe needs beside it is in this folder only.
    fn program(&self, path: &Path) -> Command {
        let mut wine = self.wine();
        wine.arg(path);
        wine
    }

    fn prefix(&self) -> PathBuf {
        self.folder.join("prefix")
    }

    fn wine(&self) -> Command {
        let mut wine = Command::new(&self.program);
        self.settings(&mut wine);
        wine
    }

    /// Runs the unit tests of what calls Windows.
    pub(crate) fn unit_tests(&self, workspace: &Workspace) -> Result<()> {
        build::windows_unit_tests(workspace, &self.program, |cargo| {
            // The tests are elsewhere than what psimp.exe needs beside it.
            self.settings(cargo.env("WINEPATH", &self.folder));
        })
    }

    /// What makes a command, or those that it starts, use this Wine.
    fn settings(&self, wine: &mut Command) {
        wine.env("WINEPREFIX", self.prefix()).env("WINEDEBUG", "-all");
        // Nothing is shown, and no menus, Mono or Gecko are offered.
        wine.env_remove("DISPLAY").env("WINEDLLOVERRIDES", "winemenubuilder.exe,mscoree,mshtml=");
    }
}
