//! A program that runs in the background.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::exec;

/// A running program, which ends with its caller. Its output goes to a file.
#[derive(Debug)]
pub(crate) struct Background {
    program: Child,
    shown: String,
    log: PathBuf,
}

impl Background {
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let shown = exec::shown(&command);
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let program = command.spawn().with_context(|| format!("cannot start {shown}"))?;
        Ok(Self { program, shown, log: log.to_owned() })
    }

    /// Waits for it, and shows what it printed if it failed.
    pub(crate) fn end(mut self) -> Result<()> {
        let status = self.program.wait()?;
        if status.success() {
            return Ok(());
        }
        eprint!("{}", String::from_utf8_lossy(&fs::read(&self.log)?));
        bail!("{} failed ({status})", self.shown)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

// The tests start shells and look them up in /proc.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Background;
    use anyhow::Result;
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    fn shell(name: &str, script: &str) -> Background {
        let log = std::env::temp_dir().join(format!("psimp-{}-{name}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Background::start(command, &log).expect("it starts")
    }

    /// Whether it has ended; its output file is removed.
    fn over(program: Background, how: impl FnOnce(Background) -> Result<()>) -> Result<()> {
        let (id, log) = (program.program.id(), program.log.clone());
        let ended = how(program);
        fs::remove_file(log).expect("the log");
        assert!(!Path::new("/proc").join(id.to_string()).exists(), "it runs on");
        ended
    }

    #[test]
    fn how_it_ends_is_told() {
        over(shell("well", "echo well"), Background::end).expect("it ends well");
        let error = over(shell("badly", "echo badly; exit 3"), Background::end).expect_err("it fails");
        assert!(error.to_string().ends_with("failed (exit status: 3)"), "{error}");
    }

    #[test]
    fn it_ends_with_who_started_it() {
        let drop = |program| {
            drop(program);
            Ok(())
        };
        over(shell("sleep", "exec sleep 60"), drop).expect("no error");
    }
}
