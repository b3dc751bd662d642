//! `psimp run`.

use super::driver::why_no_device;
use super::{load_image, unavailable};
use crate::cli::{Exit, Kernel, Rules, RunArgs, Target as TargetArg};
use crate::driver::Source;
use crate::native::means::Means;
use crate::progress::Progress;
use crate::races;
use crate::report;
use crate::result::{CaseResult, ImageInfo, RunResult};
use crate::run::{Target, replay, run_case};
use anstream::{AutoStream, ColorChoice};
use psimp_catalogue::{Body, Case};
use psimp_model::Flavour;
use psimp_protocol::RulesMode;
use std::io;
use std::time::{Duration, Instant};

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let (source, image) = match args.target {
        TargetArg::Model => (Source::Service, None),
        TargetArg::Image => match load_image(&args.cases.image.path) {
            Ok((source, info)) => (source, Some(info)),
            Err(why) => return Ok(unavailable(&why)),
        },
        TargetArg::Device => {
            return match why_no_device() {
                Some(why) => Ok(unavailable(&why)),
                None => native(args, Means::Driver(rules(args.cases.rules))),
            };
        }
        TargetArg::Native => return native(args, Means::UserMode),
    };
    let target = Target { source, flavour: flavour(args.cases.kernel), rules: rules(args.cases.rules) };
    let Some(selected) = selected(args) else { return Ok(Exit::Usage) };
    if args.seed.is_some() && !selected.iter().any(|case| matches!(case.body, Body::Race(_))) {
        eprintln!("psimp: --seed is for races, group Z; the filter takes none");
        return Ok(Exit::Usage);
    }
    let start = Instant::now();
    let progress = Progress::parts(selected.len());
    let one = |case: &Case| {
        progress.now(case.id);
        let result = run_or_replay(&target, case, args.seed, &progress);
        progress.done();
        result
    };
    let cases = selected.iter().map(one).collect();
    drop(progress);
    finish(args, image, cases, start.elapsed())
}

/// The cases that the filter takes; none is a mistake.
fn selected(args: &RunArgs) -> Option<Vec<Case>> {
    let cases = psimp_catalogue::cases().into_iter();
    let selected: Vec<_> = cases.filter(|case| args.cases.filter.matches(case.id, &case.title)).collect();
    if selected.is_empty() {
        eprintln!("psimp: no case matches the filter; `psimp list` names them all");
        return None;
    }
    Some(selected)
}

/// Writes the report.
fn finish(
    args: &RunArgs,
    image: Option<ImageInfo>,
    cases: Vec<CaseResult>,
    duration: Duration,
) -> anyhow::Result<Exit> {
    let result = RunResult {
        target: args.target.to_string(),
        kernel: args.cases.kernel.to_string(),
        rules: args.cases.rules.to_string(),
        image,
        cases,
        duration,
    };
    let mut out = AutoStream::auto(io::stdout().lock());
    let colour = out.current_choice() != ColorChoice::Never;
    match report::write(&result, args.format, &mut out, colour) {
        // Whoever read the output has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => (),
    }
    Ok(if result.summary().failed > 0 { Exit::Failed } else { Exit::Passed })
}

#[cfg(windows)]
fn native(args: &RunArgs, means: Means) -> anyhow::Result<Exit> {
    let Some(selected) = selected(args) else { return Ok(Exit::Usage) };
    let start = Instant::now();
    match crate::native::run(&selected, crate::run::kernel(flavour(args.cases.kernel)), means) {
        Ok(cases) => finish(args, None, cases, start.elapsed()),
        Err(why) => Ok(unavailable(&why)),
    }
}

#[cfg(not(windows))]
#[allow(clippy::unnecessary_wraps)] // as on Windows
fn native(_args: &RunArgs, _means: Means) -> anyhow::Result<Exit> {
    Ok(unavailable("--target native needs the API of Windows; --target model runs anywhere"))
}

/// A server process of the target native.
#[cfg(windows)]
pub(super) fn native_server() -> anyhow::Result<Exit> {
    crate::native::serve().map(|()| Exit::Passed)
}

/// A server process of the target native.
#[cfg(not(windows))]
#[allow(clippy::unnecessary_wraps)] // as on Windows
pub(super) fn native_server() -> anyhow::Result<Exit> {
    Ok(unavailable("native-server serves a harness on Windows"))
}

/// A server process that waits, and this one for it.
#[cfg(windows)]
pub(super) fn native_wait() -> anyhow::Result<Exit> {
    crate::native::wait().map(|()| Exit::Passed)
}

/// A server process that waits, and this one for it.
#[cfg(not(windows))]
#[allow(clippy::unnecessary_wraps)] // as on Windows
pub(super) fn native_wait() -> anyhow::Result<Exit> {
    Ok(unavailable("native-wait needs the API of Windows"))
}

/// With a seed, a race takes place under that schedule alone, which goes to
/// standard error.
fn run_or_replay(target: &Target, case: &Case, seed: Option<u64>, progress: &Progress) -> CaseResult {
    let (Body::Race(race), Some(seed)) = (case.body, seed) else { return run_case(target, case) };
    let (result, turns) = replay(target, case, seed);
    if !turns.is_empty() {
        progress.beside(|| eprint!("{}, seed {seed:#x}\n{}", case.id, races::words(race, &turns)));
    }
    result
}

/// The model's flavour for an argument.
pub(super) fn flavour(kernel: Kernel) -> Flavour {
    match kernel {
        Kernel::Win10 => Flavour::Win10,
        Kernel::Nt52 => Flavour::Nt52,
        Kernel::Documented => Flavour::Documented,
        Kernel::Peios => Flavour::Peios,
    }
}

/// What IMPERSONATE asks for, for an argument.
pub(super) fn rules(rules: Rules) -> RulesMode {
    match rules {
        Rules::Documented => RulesMode::Documented,
        Rules::Kernel => RulesMode::Kernel,
    }
}
