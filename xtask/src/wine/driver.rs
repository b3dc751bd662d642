//! `psimp driver`, and `run` and `demo` with `--target device`, under Wine: its service control manager creates
//! services, but its kernel cannot load the driver, because it has no KMDF.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Wine;
use crate::build::Image;

/// Installs, fails to load, and uninstalls; queries the state after each.
pub(crate) fn check(wine: &Wine, image: &Image) -> Result<()> {
    let driver = Driver { wine, image: &image.path };
    if driver.status()?["installed"] == true {
        // Left by a run that was stopped.
        driver.call("uninstall")?;
    }
    let status = driver.status()?;
    ensure!(status["installed"] == false && status["loaded"] == false, "installed before: {status}");
    driver.refused("stop", "the driver is not installed; `psimp driver install` installs it")?;
    no_device(wine)?;

    let other = wine.folder.join("other.sys");
    fs::copy(&image.path, &other).with_context(|| format!("cannot write {}", other.display()))?;
    driver.done("install")?;
    driver.done("install").context("the same image, once more")?;
    Driver { wine, image: &other }
        .refused("install", "the service PsImpersonate is installed for another image")?;
    let status = driver.status()?;
    ensure!(status["installed"] == true && status["loaded"] == false, "not installed: {status}");
    let path = status["image"].as_str().unwrap_or_default();
    ensure!(path.get(1..3) == Some(":\\") && path.ends_with("\\psimp.sys"), "not an absolute path: {status}");

    driver.refused("stop", "the driver is not loaded; `psimp driver start` loads it")?;
    driver.refused(
        "start",
        "cannot load the driver: the driver, or one that it needs such as KMDF, did not initialize \
         (ERROR_DLL_INIT_FAILED, error 1114)",
    )?;
    ensure!(driver.status()?["loaded"] == false, "Wine loaded the driver");
    no_device(wine)?;
    driver.done("uninstall")?;
    let status = driver.status()?;
    ensure!(status["installed"] == false && status["image"].is_null(), "left behind: {status}");
    driver.refused("uninstall", "the driver is not installed")
}

/// The target device is not available, and what to do is one sentence, the same for all that has this target.
fn no_device(wine: &Wine) -> Result<()> {
    let mut messages = Vec::new();
    for command in ["run", "demo"] {
        let output = wine.psimp().args([command, "--target", "device"]).output()?;
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.status.code() == Some(3),
            "psimp {command} --target device ended with {}",
            output.status
        );
        ensure!(message.contains("`psimp driver install` and `psimp driver start`"), "it prints {message}");
        ensure!(
            message.lines().count() == 1 && output.stdout.is_empty(),
            "more than one sentence: {message}"
        );
        messages.push(message);
    }
    ensure!(messages.windows(2).all(|pair| pair[0] == pair[1]), "not the same sentence: {messages:?}");
    Ok(())
}

struct Driver<'a> {
    wine: &'a Wine,
    image: &'a Path,
}

impl Driver<'_> {
    /// Exit code, the JSON object, and what went to standard error.
    fn call(&self, action: &str) -> Result<(Option<i32>, Value, String)> {
        let mut psimp = self.wine.psimp();
        psimp.args(["driver", action, "--format", "json"]);
        if action == "install" {
            psimp.arg("--image").arg(self.image);
        }
        let output = psimp.output()?;
        let object = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("psimp driver {action} printed no JSON"))?;
        Ok((output.status.code(), object, String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    fn status(&self) -> Result<Value> {
        let (code, object, _) = self.call("status")?;
        ensure!(code == Some(0) && object["done"] == true, "psimp driver status: {object}");
        ensure!(object["device"]["opens"] == false, "the device opens: {object}");
        Ok(object)
    }

    fn done(&self, action: &str) -> Result<()> {
        let (code, object, _) = self.call(action)?;
        ensure!(code == Some(0) && object["done"] == true, "psimp driver {action}: {object}");
        Ok(())
    }

    fn refused(&self, action: &str, words: &str) -> Result<()> {
        let (code, object, message) = self.call(action)?;
        ensure!(
            code == Some(1) && object["done"] == false,
            "psimp driver {action} was not refused: {object}"
        );
        ensure!(message.contains(words), "psimp driver {action} prints {message}");
        ensure!(message.trim_end().lines().count() == 1, "more than one sentence: {message}");
        Ok(())
    }
}
