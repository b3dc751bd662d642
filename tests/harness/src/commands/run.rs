//! `psimp run`.

use super::driver::why_no_device;
use super::output::Output;
use super::{Stop, load_bytes, load_image, printed, rehearse, report_page, selected};
use crate::cli::{Choice, Exit, Rules, RunArgs, Target};
use crate::driver::Source;
use crate::native::Setting;
use crate::native::route::Route;
use crate::progress::Progress;
use crate::report::{self, Format, Sheet};
use crate::result::{CaseResult, ImageInfo, Origin, RunResult, Summary};
use crate::run::races;
use crate::run::{Setup, reason_against, replay, run_case};
use anstream::{AutoStream, ColorChoice};
use psimp_catalogue::{Body, Case};
use psimp_host::Image;
use psimp_model::Kernel;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let settings = settings(args)?;
    let selected = selected(&args.filter)?;
    require_races(args, &settings, &selected)?;
    let ready = ready(args)?;
    let loads = args.target == Target::Image || (args.rehearse && args.target == Target::Device);
    let image = loads.then_some(args.image.path.as_path());
    let page = Output::open_any(args.report.as_deref(), image.as_slice())?;
    let (mut runs, mut untidy) = (Vec::new(), false);
    let progress = Progress::parts(settings.len() * selected.len());
    for (kernel, rules) in settings {
        let start = Instant::now();
        let (cases, left) = carry_out(&ready, kernel, rules, &selected, args, &progress)?;
        untidy |= !rehearse::tidy(&left);
        let image = match &ready {
            Ready::Here(_, image) => image.clone(),
            Ready::Rehearsal { image, .. } => image.as_ref().map(|(_, info)| info.clone()),
            Ready::Windows { .. } => None,
        };
        let (psimp, target, duration) = (Some(Origin::here()), args.target, start.elapsed());
        let rehearsed = args.rehearse;
        runs.push((None, RunResult { psimp, target, rehearsed, kernel, rules, image, cases, duration }));
    }
    drop(progress);
    let exit = finish(args, page, &runs);
    if matches!(ready, Ready::Windows { .. }) {
        clear();
    }
    let exit = exit?;
    Ok(if untidy { Exit::Failed } else { exit })
}

/// Every combination of kernel and rules that is asked for.
fn settings(args: &RunArgs) -> Result<Vec<(Kernel, Rules)>, Stop> {
    let rules = Choice::expand(&args.rules);
    let kernels = Choice::expand(&args.kernels);
    if kernels.len() > 1 && !args.rehearse && matches!(args.target, Target::Device | Target::Native) {
        let why = "runs on one kernel: name the one whose results are expected";
        return Err(Stop::usage(format!("--target {} {why}", args.target)));
    }
    let settings: Vec<_> =
        kernels.into_iter().flat_map(|kernel| rules.iter().map(move |rules| (kernel, *rules))).collect();
    if settings.len() > 1 && (args.report.is_none() || args.format != Format::Table) {
        let why = "several kernels or rules need --report, and no other --format than table";
        return Err(Stop::usage(why));
    }
    Ok(settings)
}

/// A seed is for a race that runs.
fn require_races(args: &RunArgs, settings: &[(Kernel, Rules)], selected: &[Case]) -> Result<(), Stop> {
    let mut races = selected.iter().filter(|case| matches!(case.body, Body::Race(_))).peekable();
    let runs = |case: &Case| settings.iter().any(|(kernel, _)| reason_against(case, *kernel).is_none());
    if args.seed.is_none() {
        Ok(())
    } else if races.peek().is_none() {
        Err(Stop::usage("--seed is for races, group Z; the filter takes none"))
    } else if !races.any(runs) {
        let kernel = settings.first().map(|(kernel, _)| *kernel).unwrap_or_default();
        Err(Stop::usage(format!("--seed is for races, and none of these runs on the kernel {kernel}")))
    } else {
        Ok(())
    }
}

/// A target that is there.
enum Ready {
    Here(Source, Option<ImageInfo>),
    Windows { route: fn(Rules) -> Route },
    Rehearsal { route: fn(Rules) -> Route, image: Option<(Arc<Image>, ImageInfo)> },
}

/// Looks for the target; the error says why it cannot be had here.
fn ready(args: &RunArgs) -> Result<Ready, Stop> {
    let unless =
        |ready, why_not: Option<String>| why_not.map_or(Ok(ready), |why| Err(Stop::unavailable(why)));
    match args.target {
        Target::Model => Ok(Ready::Here(Source::Service, None)),
        Target::Image => {
            let (source, info) = load_image(&args.image.path)?;
            Ok(Ready::Here(source, Some(info)))
        }
        Target::Device if args.rehearse => {
            let image = Some(load_bytes(&args.image.path)?);
            Ok(Ready::Rehearsal { route: through_driver, image })
        }
        Target::Native if args.rehearse => {
            unless(Ready::Rehearsal { route: user_mode, image: None }, rehearse::unavailable())
        }
        Target::Device => unless(Ready::Windows { route: through_driver }, why_no_device()),
        Target::Native => unless(Ready::Windows { route: user_mode }, why_no_native()),
    }
}

const fn through_driver(rules: Rules) -> Route {
    Route::Driver(rules.mode())
}

const fn user_mode(_: Rules) -> Route {
    Route::UserMode
}

/// Runs the cases in one setting. The second part is what a rehearsal leaves behind.
fn carry_out(
    ready: &Ready,
    kernel: Kernel,
    mode: Rules,
    selected: &[Case],
    args: &RunArgs,
    progress: &Progress,
) -> Result<(Vec<CaseResult>, Vec<String>), Stop> {
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
        Ready::Windows { route } => {
            let cases = native(selected, &setting(*route)).map_err(Stop::unavailable)?;
            Ok((cases, Vec::new()))
        }
        Ready::Rehearsal { route, image } => {
            let image = image.as_ref().map(|(image, _)| &**image);
            rehearse::run(selected, &setting(*route), image, args.inject.as_ref()).map_err(Stop::unavailable)
        }
    }
}

/// Writes the report, and the page.
fn finish(
    args: &RunArgs,
    page: Option<Output>,
    runs: &[(Option<String>, RunResult)],
) -> anyhow::Result<Exit> {
    let mut out = AutoStream::auto(io::stdout().lock());
    let colour = out.current_choice() != ColorChoice::Never;
    let written = match runs {
        [(_, run)] => report::write(run, args.format, &mut out, colour),
        runs => runs.iter().try_for_each(|(_, run)| brief(run, &mut out)),
    };
    // The page is worth having without the rest.
    if let Some(page) = page {
        page.write(report_page::page(&Sheet::new(runs), false).as_bytes())?;
    }
    printed(written)?;
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
pub(super) fn native_server() -> anyhow::Result<Exit> {
    Err(Stop::unavailable("native-server serves a harness on Windows").into())
}

/// A client process of the targets device and native.
#[cfg(windows)]
pub(super) fn native_client() -> anyhow::Result<Exit> {
    crate::native::serve_as_client().map(|()| Exit::Passed)
}

/// A client process of the targets device and native.
#[cfg(not(windows))]
pub(super) fn native_client() -> anyhow::Result<Exit> {
    Err(Stop::unavailable("native-client serves a harness on Windows").into())
}

/// A server process that waits, and this one for it.
#[cfg(windows)]
pub(super) fn native_wait() -> anyhow::Result<Exit> {
    crate::native::wait().map(|()| Exit::Passed)
}

/// A server process that waits, and this one for it.
#[cfg(not(windows))]
pub(super) fn native_wait() -> anyhow::Result<Exit> {
    Err(Stop::unavailable("native-wait needs the API of Windows").into())
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
