//! `psimp run`.

use super::driver::why_no_device;
use super::{load_bytes, load_image, rehearse, report_page, unavailable, unless_enough};
use crate::cli::{Choice, Exit, Rules, RunArgs, Target};
use crate::driver::Source;
use crate::native::Setting;
use crate::native::route::Route;
use crate::progress::Progress;
use crate::report::{self, Format, Sheet};
use crate::result::{CaseResult, ImageInfo, RunResult, Summary};
use crate::run::races;
use crate::run::{Setup, replay, run_case};
use anstream::{AutoStream, ColorChoice};
use psimp_catalogue::{Body, Case};
use psimp_host::Image;
use psimp_model::Kernel;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    if args.rehearse && !matches!(args.target, Target::Device | Target::Native) {
        eprintln!("psimp: --rehearse is for --target device and --target native");
        return Ok(Exit::Usage);
    }
    let settings = settings(args);
    if settings.len() > 1 && (args.report.is_none() || args.format != Format::Table) {
        eprintln!("psimp: several kernels or rules need --report, and no other --format than table");
        return Ok(Exit::Usage);
    }
    let ready = match ready(args) {
        Ok(ready) => ready,
        Err(why) => return Ok(unavailable(&why)),
    };
    let Some(selected) = selected(args) else { return Ok(Exit::Usage) };
    if args.seed.is_some() && !selected.iter().any(|case| matches!(case.body, Body::Race(_))) {
        eprintln!("psimp: --seed is for races, group Z; the filter takes none");
        return Ok(Exit::Usage);
    }
    let (mut runs, mut untidy) = (Vec::new(), false);
    let progress = Progress::parts(settings.len() * selected.len());
    for (kernel, rules) in settings {
        let start = Instant::now();
        let (cases, left) = match carry_out(&ready, kernel, rules, &selected, args, &progress) {
            Ok(carried_out) => carried_out,
            Err(why) => return Ok(unavailable(&why)),
        };
        for left in &left {
            eprintln!("psimp: the rehearsal leaves {left}");
        }
        untidy |= !left.is_empty();
        let image = match &ready {
            Ready::Here(_, image) => image.clone(),
            Ready::Rehearsal { image, .. } => image.as_ref().map(|(_, info)| info.clone()),
            Ready::Windows { .. } => None,
        };
        let (target, rehearsed, duration) = (args.target, args.rehearse, start.elapsed());
        runs.push((None, RunResult { target, rehearsed, kernel, rules, image, cases, duration }));
    }
    drop(progress);
    let exit = finish(args, &runs);
    if matches!(ready, Ready::Windows { .. }) {
        clear();
    }
    Ok(if untidy { Exit::Failed } else { exit? })
}

/// Every combination of kernel and rules that is asked for.
fn settings(args: &RunArgs) -> Vec<(Kernel, Rules)> {
    let rules = Choice::expand(&args.rules);
    let kernels = Choice::expand(&args.kernels).into_iter();
    kernels.flat_map(|kernel| rules.iter().map(move |rules| (kernel, *rules))).collect()
}

/// A target that is there.
enum Ready {
    Here(Source, Option<ImageInfo>),
    Windows { route: fn(Rules) -> Route },
    Rehearsal { route: fn(Rules) -> Route, image: Option<(Arc<Image>, ImageInfo)> },
}

/// Looks for the target; the error is a sentence that says why it cannot be had here.
fn ready(args: &RunArgs) -> Result<Ready, String> {
    match args.target {
        Target::Model => Ok(Ready::Here(Source::Service, None)),
        Target::Image => {
            let (source, info) = load_image(&args.image.path)?;
            Ok(Ready::Here(source, Some(info)))
        }
        Target::Device if args.rehearse => {
            let image = load_bytes(&args.image.path)?;
            Ok(Ready::Rehearsal { route: through_driver, image: Some(image) })
        }
        Target::Native if args.rehearse => {
            rehearse::unavailable().map_or(Ok(Ready::Rehearsal { route: user_mode, image: None }), Err)
        }
        Target::Device => why_no_device().map_or(Ok(Ready::Windows { route: through_driver }), Err),
        Target::Native => why_no_native().map_or(Ok(Ready::Windows { route: user_mode }), Err),
    }
}

const fn through_driver(rules: Rules) -> Route {
    Route::Driver(rules.mode())
}

const fn user_mode(_: Rules) -> Route {
    Route::UserMode
}

/// The cases that the filter takes; none is a mistake.
fn selected(args: &RunArgs) -> Option<Vec<Case>> {
    let cases = psimp_catalogue::cases().into_iter();
    let selected: Vec<_> = cases.filter(|case| args.filter.matches(case.id, &case.title)).collect();
    if selected.is_empty() {
        eprintln!("psimp: no case matches the filter; `psimp list` names them all");
        return None;
    }
    Some(selected)
}

/// Runs the cases in one setting. The second part is what a rehearsal leaves behind.
fn carry_out(
    ready: &Ready,
    kernel: Kernel,
    mode: Rules,
    selected: &[Case],
    args: &RunArgs,
    progress: &Progress,
) -> Result<(Vec<CaseResult>, Vec<String>), String> {
    let begins = |case: &Case| progress.now(case.id);
    // The report comes at the end, which a run on Windows may not reach.
    let ended = |result: &CaseResult| {
        progress.beside(|| eprintln!("{}", report::line(result)));
        progress.done();
    };
    let setting = |route: fn(Rules) -> Route| Setting {
        kernel,
        route: route(mode),
        patience: Duration::from_secs(args.patience.into()),
        begins: &begins,
        ended: &ended,
    };
    match ready {
        Ready::Here(source, _) => {
            let setup = Setup { source: source.clone(), kernel, rules: mode.mode() };
            let one = |case: &Case| {
                progress.now(case.id);
                let result = run_or_replay(&setup, case, args.seed, progress);
                progress.done();
                result
            };
            Ok((selected.iter().map(one).collect(), Vec::new()))
        }
        Ready::Windows { route } => Ok((native(selected, &setting(*route))?, Vec::new())),
        Ready::Rehearsal { route, image } => {
            let image = image.as_ref().map(|(image, _)| &**image);
            rehearse::run(selected, &setting(*route), image, args.inject.as_ref())
        }
    }
}

/// Writes the report, and the page.
fn finish(args: &RunArgs, runs: &[(Option<String>, RunResult)]) -> anyhow::Result<Exit> {
    let mut out = AutoStream::auto(io::stdout().lock());
    let colour = out.current_choice() != ColorChoice::Never;
    let written = match runs {
        [(_, run)] => report::write(run, args.format, &mut out, colour),
        runs => runs.iter().try_for_each(|(_, run)| brief(run, &mut out)),
    };
    unless_enough(written)?;
    if let Some(path) = &args.report {
        report_page::write(path, &Sheet::new(runs), false)?;
    }
    let failed = runs.iter().any(|(_, run)| run.summary().failed > 0);
    Ok(if failed { Exit::Failed } else { Exit::Passed })
}

/// What came of a run, in a line. The page has the rest.
fn brief(run: &RunResult, out: &mut dyn Write) -> io::Result<()> {
    let Summary { passed, failed, skipped, .. } = run.summary();
    let (target, kernel, rules) = (run.target_words(), &run.kernel, &run.rules);
    let counts = format!("{passed} passed, {failed} failed, {skipped} skipped");
    writeln!(out, "{target:<8} {kernel:<12} {rules:<12} {counts}")
}

/// Why the API of Windows is not here.
#[cfg(windows)]
pub(super) fn why_no_native() -> Option<String> {
    None
}

/// Why the API of Windows is not here.
#[cfg(not(windows))]
#[allow(clippy::unnecessary_wraps)] // as on Windows
pub(super) fn why_no_native() -> Option<String> {
    Some("--target native needs the API of Windows; --target model runs anywhere".to_owned())
}

#[cfg(windows)]
fn native(selected: &[Case], setting: &Setting<'_>) -> Result<Vec<CaseResult>, String> {
    crate::native::run(selected, setting)
}

#[cfg(not(windows))]
fn native(_: &[Case], _: &Setting<'_>) -> Result<Vec<CaseResult>, String> {
    Err(why_no_native().unwrap_or_default())
}

/// Removes what earlier runs on this Windows have left.
#[cfg(windows)]
pub(super) fn clear() {
    crate::native::clear();
}

#[cfg(not(windows))]
const fn clear() {}

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
fn run_or_replay(setup: &Setup, case: &Case, seed: Option<u64>, progress: &Progress) -> CaseResult {
    let (Body::Race(race), Some(seed)) = (case.body, seed) else { return run_case(setup, case) };
    let (result, turns) = replay(setup, case, seed);
    if !turns.is_empty() {
        progress.beside(|| eprint!("{}, seed {seed:#x}\n{}", case.id, races::words(race, &turns)));
    }
    result
}
