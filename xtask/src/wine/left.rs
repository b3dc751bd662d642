//! What psimp.exe leaves behind under Wine when it is ended early: no process, and at most one line of its journal,
//! which the next start removes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Wine;
use crate::exec;

/// The account that `psimp native-wait` lists and never creates.
const NOBODY: &str = "psimp-nobody";
/// The low byte, which is all that Linux shows, of `STATUS_CONTROL_C_EXIT`.
const CONTROL_C_EXIT: i32 = 0x3A;
/// The time limit for something to happen, in tenths of a second.
const PATIENCE: u32 = 100;

/// Ends psimp.exe by force and by Ctrl-C.
pub(crate) fn check(wine: &Wine) -> Result<()> {
    killed(wine).context("psimp.exe was killed")?;
    interrupted(wine).context("psimp.exe got Ctrl-C")
}

fn killed(wine: &Wine) -> Result<()> {
    let mut waiting = start(wine)?;
    ensure!(listed(wine)?, "its journal does not list {NOBODY}");
    let told = other_run(wine)?;
    ensure!(told.is_empty() && listed(wine)?, "a run took what another, still running, has listed: {told}");

    waiting.kill()?;
    waiting.wait()?;
    eventually("its server process is still there", || Ok(servers(wine)? == 0))?;
    ensure!(listed(wine)?, "its journal is gone with it");
    let told = other_run(wine)?;
    ensure!(told.contains(NOBODY), "the next run does not report {NOBODY}: {told}");
    ensure!(journal(wine)?.is_none(), "the next run leaves the journal");
    Ok(())
}

fn interrupted(wine: &Wine) -> Result<()> {
    let mut waiting = start(wine)?;
    // The shell's own kill: a bare system has no program of that name.
    exec::run_quietly(Command::new("sh").args(["-c", &format!("kill -INT {}", waiting.id())]))?;
    let status = waiting.wait()?;
    ensure!(status.code() == Some(CONTROL_C_EXIT), "it ended with {status}");
    ensure!(journal(wine)?.is_none(), "it leaves its journal");
    eventually("its server process is still there", || Ok(servers(wine)? == 0))
}

/// Starts psimp.exe with a server process; both wait until they are ended.
fn start(wine: &Wine) -> Result<Child> {
    ensure!(servers(wine)? == 0, "there is a server process of an earlier run");
    let mut child = wine.psimp().arg("native-wait").stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut line)?;
    ensure!(line.contains("Waiting"), "its server prints {line:?}");
    ensure!(servers(wine)? == 1, "its server process is not to be seen");
    Ok(child)
}

/// What another run prints on standard error.
fn other_run(wine: &Wine) -> Result<String> {
    let output = wine.psimp().args(["run", "--target", "native", "--filter", "T01"]).output()?;
    ensure!(output.status.success(), "the next run ended with {}", output.status);
    let text = String::from_utf8_lossy(&output.stderr);
    let told = text.lines().filter(|line| line.starts_with("psimp: "));
    Ok(told.collect::<Vec<_>>().join("\n"))
}

fn eventually(otherwise: &'static str, done: impl Fn() -> Result<bool>) -> Result<()> {
    for _ in 0..PATIENCE {
        if done()? {
            return Ok(());
        }
        sleep(Duration::from_millis(100));
    }
    anyhow::bail!(otherwise)
}

fn listed(wine: &Wine) -> Result<bool> {
    Ok(journal(wine)?.is_some_and(|text| text.contains(NOBODY)))
}

/// The journal of the current user; `None` if there is none.
fn journal(wine: &Wine) -> Result<Option<String>> {
    for user in fs::read_dir(wine.prefix().join("drive_c/users"))? {
        let path = user?.path().join("AppData/Local/psimp/journal.jsonl");
        if path.exists() {
            return exec::read(&path).map(Some);
        }
    }
    Ok(None)
}

/// How many server processes there are in this prefix.
fn servers(wine: &Wine) -> Result<usize> {
    let prefix = format!("WINEPREFIX={}", wine.prefix().display()).into_bytes();
    let server = |process: PathBuf| {
        // A process may end in the meantime, and other users' cannot be read.
        let words = |name| fs::read(process.join(name)).unwrap_or_default();
        let (command, environment) = (words("cmdline"), words("environ"));
        command.split(|byte| *byte == 0).any(|word| word == b"native-server")
            && environment.split(|byte| *byte == 0).any(|word| word == prefix)
    };
    let processes = fs::read_dir("/proc")?.collect::<Result<Vec<_>, _>>()?;
    Ok(processes.into_iter().filter(|process| server(process.path())).count())
}
