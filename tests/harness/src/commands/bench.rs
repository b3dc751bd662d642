//! `psimp bench`: the cost of each call, compared with the committed baseline.

use super::driver::why_no_device;
use super::output::Output;
use super::{Stop, load_bytes, load_image, rehearse, say, say_json};
use crate::bench::{Baseline, OnDevice, Pace, measure};
use crate::cli::{BenchArgs, BenchStepsArgs, Exit, LoadTarget, TextFormat};
use crate::driver::Source;
use crate::progress::Progress;
use std::path::Path;
use std::time::Duration;

pub(super) fn bench(args: &BenchArgs) -> anyhow::Result<Exit> {
    if args.target == LoadTarget::Device {
        return of_device(args);
    }
    let (Source::Image(image), _) = load_image(&args.image.path)? else {
        anyhow::bail!("{} is no image", args.image.path.display());
    };
    let then = before(&args.baseline)?;
    let saved = if args.save { Some(Output::open(&args.baseline, &[&args.image.path])?) } else { None };
    let pace = if args.short { Pace::SHORT } else { Pace::FULL };
    let report = measure(&image, &args.image.path, &pace)?;
    if let Some(saved) = saved {
        saved.write(Baseline::of(&report).to_text()?.as_bytes())?;
        eprintln!("psimp: {} is what later versions are compared with", args.baseline.display());
    }
    match args.format {
        TextFormat::Json => say_json(&report.as_json(then.as_ref())),
        TextFormat::Table => say(report.text(then.as_ref())),
    }?;
    Ok(Exit::Passed)
}

/// Measures the driver that Windows has loaded. No figure of it is compared with the baseline.
fn of_device(args: &BenchArgs) -> anyhow::Result<Exit> {
    let progress = Progress::busy(format!("of {} s: calls and system calls are measured", args.seconds));
    let duration = Duration::from_secs(args.seconds.into());
    let (found, left) = if args.rehearse {
        let (image, _) = load_bytes(&args.image.path)?;
        rehearse::bench(&image, duration).map_err(anyhow::Error::msg)?
    } else {
        (on_device(duration)?, Vec::new())
    };
    drop(progress);
    match args.format {
        TextFormat::Json => say_json(&found.as_json()),
        TextFormat::Table => say(found.to_string()),
    }?;
    Ok(if rehearse::tidy(&left) && found.is_clean() { Exit::Passed } else { Exit::Failed })
}

/// Measures the calls of a server process.
#[cfg(windows)]
fn on_device(duration: Duration) -> anyhow::Result<OnDevice> {
    why_no_device().map_or(Ok(()), |why| Err(Stop::unavailable(why)))?;
    crate::native::bench(duration).map_err(anyhow::Error::msg)
}

#[cfg(not(windows))]
fn on_device(_: Duration) -> anyhow::Result<OnDevice> {
    Err(Stop::unavailable(why_no_device().unwrap_or_default()).into())
}

/// The calls of an image, or of the model, for another psimp to count.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) fn steps(args: &BenchStepsArgs) -> anyhow::Result<Exit> {
    let source = if args.model { Source::Service } else { load_image(&args.image.path)?.0 };
    crate::bench::make_steps(&source, args.repetitions).map(|()| Exit::Passed)
}

/// The calls of an image, or of the model, for another psimp to count.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(super) fn steps(_args: &BenchStepsArgs) -> anyhow::Result<Exit> {
    Err(Stop::unavailable("bench-steps needs x86-64 Linux").into())
}

/// What is compared with; nothing where there is no such file.
fn before(path: &Path) -> anyhow::Result<Option<Baseline>> {
    if path.exists() { Baseline::read(path).map(Some) } else { Ok(None) }
}
