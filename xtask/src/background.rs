//! Programs that run in the background.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::exec;

/// Programs that run one after the other, up to the first that fails, and end with their caller. Their output goes to
/// a file.
#[derive(Debug)]
pub(crate) struct Background {
    programs: Option<JoinHandle<Result<()>>>,
    stop: Arc<AtomicBool>,
    log: PathBuf,
}

impl Background {
    pub(crate) fn start(commands: Vec<Command>, log: &Path) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let programs = thread::spawn(move || {
            commands.into_iter().try_for_each(|command| run(command, &output, &stopped))
        });
        Ok(Self { programs: Some(programs), stop, log: log.to_owned() })
    }

    /// Waits for them, and shows what they printed if one failed.
    pub(crate) fn end(mut self) -> Result<()> {
        self.join()
            .inspect_err(|_| eprint!("{}", String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default())))
    }

    fn join(&mut self) -> Result<()> {
        match self.programs.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => bail!("the thread that runs programs panicked"),
            None => Ok(()),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Nobody waits for how they end.
        let _ = self.join();
    }
}

fn run(mut command: Command, output: &File, stop: &AtomicBool) -> Result<()> {
    let shown = exec::shown(&command);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    let mut program = command.spawn().with_context(|| format!("cannot start {shown}"))?;
    loop {
        if let Some(status) = program.try_wait()? {
            return if status.success() { Ok(()) } else { bail!("{shown} failed ({status})") };
        }
        if stop.load(Ordering::Relaxed) {
            program.kill()?;
            program.wait()?;
            bail!("{shown} was stopped");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

// The tests start shells.
#[cfg(all(test, unix))]
mod tests {
    use super::Background;
    use std::fs;
    use std::path::PathBuf;
    use std::process::Command;
    use std::time::{Duration, Instant};

    /// Shells that run these scripts, and the file for their output.
    fn shells(name: &str, scripts: &[&str]) -> (Background, PathBuf) {
        let log = std::env::temp_dir().join(format!("psimp-{}-{name}", std::process::id()));
        let shell = |script: &&str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        (Background::start(scripts.iter().map(shell).collect(), &log).expect("they start"), log)
    }

    fn printed(log: &PathBuf) -> String {
        let text = fs::read_to_string(log).expect("the log");
        fs::remove_file(log).expect("the log");
        text
    }

    #[test]
    fn they_run_in_turn() {
        let (shells, log) = shells("turn", &["sleep 0.1; echo one", "echo two"]);
        shells.end().expect("they end well");
        assert_eq!(printed(&log), "one\ntwo\n");
    }

    #[test]
    fn the_first_that_fails_is_the_last() {
        let (shells, log) = shells("fails", &["echo one; exit 3", "echo two"]);
        let error = shells.end().expect_err("it fails").to_string();
        assert!(error.ends_with("failed (exit status: 3)"), "{error}");
        assert_eq!(printed(&log), "one\n");
    }

    #[test]
    fn they_end_with_who_started_them() {
        let (shells, log) = shells("sleep", &["exec sleep 60", "echo two"]);
        let start = Instant::now();
        drop(shells);
        assert!(start.elapsed() < Duration::from_secs(10));
        assert_eq!(printed(&log), "");
    }
}
