//! What calls cost: through an image, and of the service alone over the same model.
//!
//! Absolute times depend on the machine. Compared between versions are therefore ratios of figures
//! that were measured side by side, counts of instructions, and sizes: [`Report::compared`].

mod baseline;
mod calls;
mod figures;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod instructions;
mod on_device;
mod output;
mod rates;
mod size;
mod whole;

pub use baseline::Baseline;
pub use calls::Call;
pub use figures::{GOALS, Goal};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use instructions::make as make_steps;
pub use on_device::{OnDevice, Pair};

#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) use rates::{Run, rate, run};

use crate::driver::Source;
use psimp_host::Image;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long and how often each figure is measured.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often each configuration is measured.
    pub turns: u32,
    /// How long each time.
    pub turn: Duration,
    /// How often the instructions of each call are counted.
    pub counts: usize,
    /// How often the driver is started.
    pub starts: u32,
    /// How often the catalogue is run.
    pub wholes: u32,
    /// What the ids of the catalogue's cases begin with.
    pub cases: &'static str,
    /// The same for the sweep of failures.
    pub swept: &'static str,
}

impl Pace {
    /// Everything, long enough for stable figures.
    pub const FULL: Self = Self {
        turns: 300,
        turn: Duration::from_millis(2),
        counts: 3,
        starts: 200,
        wholes: 4,
        cases: "",
        swept: "",
    };
    /// A little of everything, to see that it can be measured. The figures mean nothing.
    pub const SHORT: Self = Self {
        turns: 1,
        turn: Duration::from_millis(1),
        counts: 1,
        starts: 3,
        wholes: 1,
        cases: "D1",
        swept: "D13",
    };
}

/// Round trips a second of one call, each the best of several turns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Speed {
    /// Through the image, on one thread.
    pub one: f64,
    /// On two threads together, each with a file of its own.
    pub two: f64,
    /// On two threads together, with one file.
    pub two_on_one_file: f64,
    /// The service alone, on one thread.
    pub model: f64,
    /// The service alone, on two threads together with a file each.
    pub model_two: f64,
}

/// Instructions of one round trip, on the thread that makes it.
#[derive(Clone, Copy, Debug)]
pub struct Instructions {
    /// Those that lie in the image.
    pub driver: u32,
    /// All of them through the image: the driver's, the host's and the model's.
    pub image: u32,
    /// All of them of the service alone.
    pub model: u32,
}

/// The size of one section in bytes.
#[derive(Clone, Debug)]
pub struct SectionSize {
    /// Its name without the dot.
    pub name: String,
    /// In memory.
    pub memory: u64,
    /// In the file.
    pub file: u64,
}

/// Times of loading, starting and unloading the driver, each the best of several.
#[derive(Clone, Copy, Debug)]
pub struct Starts {
    /// Reading and checking the bytes of the file.
    pub read: Duration,
    /// Mapping, binding, and `DriverEntry`.
    pub start: Duration,
    /// That, and an open, a close and the unload with its checks.
    pub life: Duration,
}

/// Times of whole runs on one kernel and with one rules mode.
#[derive(Clone, Copy, Debug)]
pub struct Wholes {
    /// The catalogue on the image.
    pub image: Duration,
    /// The catalogue on the model.
    pub model: Duration,
    /// The sweep of failures on the image, on all processors.
    pub sweep: Duration,
    /// How many runs the sweep was.
    pub runs: u32,
}

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    /// The calls.
    pub speeds: Vec<(Call, Speed)>,
    /// Their instructions, or why they could not be counted.
    pub instructions: Result<Vec<(Call, Instructions)>, String>,
    /// The sections of the image.
    pub sections: Vec<SectionSize>,
    /// The image's file in bytes.
    pub file: usize,
    /// Loading.
    pub starts: Starts,
    /// Whole runs.
    pub wholes: Wholes,
}

/// Measures an image.
///
/// # Errors
/// When the image does not run, or a call does not have its effect.
pub fn measure(image: &Arc<Image>, path: &Path, pace: &Pace) -> anyhow::Result<Report> {
    let sections = size::sections(image)?;
    let starts = whole::starts(image, pace)?;
    let speeds = rates::measure(&Source::Image(image.clone()), pace)
        .map_err(|failure| anyhow::anyhow!("the image does not run: {failure}"))?;
    let instructions = instructions(path, pace);
    let wholes = whole::wholes(image, pace)?;
    Ok(Report { speeds, instructions, sections, file: image.bytes().len(), starts, wholes })
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn instructions(image: &Path, pace: &Pace) -> Result<Vec<(Call, Instructions)>, String> {
    instructions::count(image, pace.counts).map_err(|why| format!("{why:#}"))
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn instructions(_image: &Path, _pace: &Pace) -> Result<Vec<(Call, Instructions)>, String> {
    Err("needs x86-64 Linux".to_owned())
}
