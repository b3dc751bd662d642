//! What psimp.exe says under Wine before the end of a run, and where a target is not available.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::Wine;
use crate::build::Image;

/// Ends a run after its first case, and asks for a target that Windows does not have.
pub(crate) fn check(wine: &Wine, image: &Image) -> Result<()> {
    let mut psimp = wine.psimp();
    // After the first case there are all the others.
    psimp.args(["run", "--target", "native"]);
    let mut run = psimp.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(run.stderr.take().context("a pipe")?).read_line(&mut line)?;
    let runs = run.try_wait()?.is_none();
    run.kill()?;
    run.wait()?;
    ensure!(line.trim_end() == "ok    D01  A2 L2; W10: no objection", "the first line of a run is {line:?}");
    ensure!(runs, "the first line came when the run had ended");

    let output = wine
        .psimp()
        .args(["run", "--target", "image", "--filter", "T01", "--image"])
        .arg(&image.path)
        .output()?;
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(3) && output.stdout.is_empty(), "it ended with {}", output.status);
    ensure!(message.contains("no driver image can be loaded here"), "it prints {message}");
    Ok(())
}
