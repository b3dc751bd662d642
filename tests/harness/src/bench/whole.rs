//! How long whole runs take.

use super::{Pace, Starts, Wholes};
use crate::driver::{Driver, Failure, File, Source};
use crate::faults::{Explored, Setting, explore_all};
use crate::machine::{Machine, READ_WRITE};
use crate::result::CaseStatus;
use crate::run::{Setup, run_case};
use anyhow::Context;
use psimp_catalogue::Case;
use psimp_host::Image;
use psimp_model::Kernel;
use psimp_protocol::RulesMode;
use std::sync::Arc;
use std::time::{Duration, Instant};

const KERNEL: Kernel = Kernel::Win10;
const RULES: RulesMode = RulesMode::Documented;

/// Reads the image, starts the driver, and unloads it.
pub(super) fn starts(image: &Arc<Image>, pace: &Pace) -> anyhow::Result<Starts> {
    let failed = |failure: Failure| anyhow::anyhow!("the image does not run: {failure}");
    let source = Source::Image(image.clone());
    let mut best = Starts { read: Duration::MAX, start: Duration::MAX, life: Duration::MAX };
    for _ in 0..pace.starts {
        let bytes = image.bytes().to_vec();
        let machine = Machine::new(KERNEL);
        let begin = Instant::now();
        let read = Image::from_bytes(bytes)?;
        best.read = best.read.min(begin.elapsed());
        drop(read);
        let begin = Instant::now();
        let driver = Driver::start(&source, &machine.system).map_err(failed)?;
        best.start = best.start.min(begin.elapsed());
        let file: File = driver.open(&machine.thread, READ_WRITE).map_err(failed)?;
        driver.close(&machine.thread, file).map_err(failed)?;
        let faults = driver.stop();
        best.life = best.life.min(begin.elapsed());
        if let Some(fault) = faults.into_iter().next() {
            return Err(failed(Failure::Fault(fault)));
        }
    }
    Ok(best)
}

/// The catalogue on image and model, and the sweep of failures, of one kernel and rules mode.
pub(super) fn wholes(image: &Arc<Image>, pace: &Pace) -> anyhow::Result<Wholes> {
    let cases: Vec<_> =
        psimp_catalogue::cases().into_iter().filter(|case| case.id.starts_with(pace.cases)).collect();
    let [mut on_image, mut on_model] = [Duration::MAX; 2];
    for _ in 0..pace.wholes {
        on_image = on_image.min(catalogue(&Source::Image(image.clone()), &cases)?);
        on_model = on_model.min(catalogue(&Source::Service, &cases)?);
    }
    let setting = Setting { image: image.clone(), kernel: KERNEL, rules: RULES };
    let swept: Vec<_> = cases.into_iter().filter(|case| case.id.starts_with(pace.swept)).collect();
    let begin = Instant::now();
    let explored = explore_all(&setting, &swept, || ());
    let sweep = begin.elapsed();
    let broken = explored.iter().flat_map(|case: &Explored| &case.broken).next();
    anyhow::ensure!(broken.is_none(), "a guarantee was violated: `psimp faults` has the details");
    let runs = explored.iter().map(|case| case.runs).sum::<usize>();
    Ok(Wholes {
        image: on_image,
        model: on_model,
        sweep,
        runs: u32::try_from(runs).context("too many runs")?,
    })
}

fn catalogue(source: &Source, cases: &[Case]) -> anyhow::Result<Duration> {
    let setup = Setup { source: source.clone(), kernel: KERNEL, rules: RULES };
    let begin = Instant::now();
    for case in cases {
        let failed = matches!(run_case(&setup, case).status, CaseStatus::Failed(_));
        anyhow::ensure!(!failed, "{} failed: `psimp run` has the details", case.id);
    }
    Ok(begin.elapsed())
}
