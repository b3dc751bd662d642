//! The process that counts.

use super::{MARK, stretches};
use crate::bench::Instructions;
use crate::bench::calls::Call;
use anyhow::{Context, bail, ensure};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The instructions between two marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Counted {
    all: u32,
    image: u32,
}

/// Instructions of every call, through the image and of the service alone, each counted in a
/// separate process.
///
/// # Errors
/// Why they cannot be counted here.
pub(crate) fn count(image: &Path, repetitions: usize) -> anyhow::Result<Vec<(Call, Instructions)>> {
    let through = counts(&["--image".as_ref(), image.as_os_str()], repetitions)?;
    let model = counts(&["--model".as_ref()], repetitions)?;
    let told = through.into_iter().zip(model).map(|((call, through), (_, model))| {
        (call, Instructions { driver: through.image, image: through.all, model: model.all })
    });
    Ok(told.collect())
}

fn counts(arguments: &[&OsStr], repetitions: usize) -> anyhow::Result<Vec<(Call, Counted)>> {
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let mut other = Other(
        Command::new(program)
            .arg("bench-steps")
            .args(arguments)
            .args(["--repetitions", &repetitions.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("a second psimp does not start")?,
    );
    let counted = other.count(repetitions)?;
    let mut stretches = stretches(repetitions).zip(counted);
    let mut least = |of: Option<Call>| {
        let counts = stretches.by_ref().take(repetitions);
        let least = counts.filter(|(call, _)| *call == of).map(|(_, counted)| counted).min();
        least.context("a call was not counted")
    };
    let nothing = least(None)?;
    let without = |counted: Counted| Counted { all: counted.all.saturating_sub(nothing.all), ..counted };
    Call::ALL.into_iter().map(|call| Ok((call, without(least(Some(call))?)))).collect()
}

/// The process that makes the calls; killed when dropped.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Other {
    fn count(&mut self, repetitions: usize) -> anyhow::Result<Vec<Counted>> {
        let pid = Pid::from_raw(self.0.id().try_into()?);
        let mut line = String::new();
        let stdout = self.0.stdout.take().context("it has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let (start, end) = line.trim_end().split_once(' ').context("it does not say where the image is")?;
        let image: Range<u64> = start.parse()?..end.parse()?;
        ptrace::attach(pid).context("programs may not be traced here (ptrace)")?;
        stopped(pid)?;
        let mut stdin = self.0.stdin.take().context("it has no input")?;
        stdin.write_all(b"\n")?;
        let counted = stretches(repetitions)
            .map(|_| {
                // The stop that attaching requested may arrive only now.
                while go(pid, Advance::On)? != MARK {}
                stretch(pid, &image)
            })
            .collect::<anyhow::Result<_>>()?;
        ptrace::detach(pid, None)?;
        ensure!(self.0.wait()?.success(), "the calls could not be made");
        Ok(counted)
    }
}

/// Counts from one mark to the next.
fn stretch(pid: Pid, image: &Range<u64>) -> anyhow::Result<Counted> {
    let (mut counted, mut before) = (Counted { all: 0, image: 0 }, 0);
    loop {
        let at = ptrace::getregs(pid)?.rip;
        // An instruction with a repeat prefix stops once for each repetition, and counts once.
        if at != before {
            counted.all += 1;
            counted.image += u32::from(image.contains(&at));
        }
        before = at;
        match go(pid, Advance::OneStep)? {
            Signal::SIGTRAP => (),
            MARK => return Ok(counted),
            other => bail!("{other} came between"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Advance {
    On,
    OneStep,
}

fn go(pid: Pid, advance: Advance) -> anyhow::Result<Signal> {
    match advance {
        Advance::On => ptrace::cont(pid, None)?,
        Advance::OneStep => ptrace::step(pid, None)?,
    }
    stopped(pid)
}

fn stopped(pid: Pid) -> anyhow::Result<Signal> {
    match waitpid(pid, Some(WaitPidFlag::__WALL))? {
        WaitStatus::Stopped(_, signal) => Ok(signal),
        other => bail!("the other psimp did not stop: {other:?}"),
    }
}
