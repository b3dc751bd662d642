//! `psimp run`.

use super::driver::why_no_device;
use super::output::Output;
use super::{Stop, load_image, printed, report_page, selected};
use crate::cli::{Choice, Exit, Rules, RunArgs, Target};
use crate::driver::Source;
use crate::native::route::Route;
use crate::progress::Progress;
use crate::report::{self, Format, Sheet};
use crate::result::{CaseResult, ImageInfo, Origin, RunResult, Summary};
use crate::run::races;
use crate::run::{Setup, reason_against, replay, run_case};
use anstream::{AutoStream, ColorChoice};
use psimp_catalogue::{Body, Case};
use psimp_model::Kernel;
use std::io::{self, Write};
use std::time::Instant;

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let settings = settings(args)?;
    let selected = selected(&args.filter)?;
    require_races(args, &settings, &selected)?;
    let ready = ready(args)?;
    let image = (args.target == Target::Image).then_some(args.image.path.as_path());
    let page = Output::open_any(args.report.as_deref(), image.as_slice())?;
    let mut runs = Vec::new();
    let progress = Progress::parts(settings.len() * selected.len());
    for (kernel, rules) in settings {
        let start = Instant::now();
        let cases = carry_out(&ready, kernel, rules, &selected, args.seed, &progress)?;
        let image = match &ready {
            Ready::Here(_, image) => image.clone(),
            Ready::Windows { .. } => None,
        };
        let (psimp, target, duration) = (Some(Origin::here()), args.target, start.elapsed());
        runs.push((None, RunResult { psimp, target, kernel, rules, image, cases, duration }));
    }
    drop(progress);
    let exit = finish(args, page, &runs);
    if matches!(ready, Ready::Windows { .. }) {
        clear();
    }
    exit
}

/// Every combination of kernel and rules that is asked for.
fn settings(args: &RunArgs) -> Result<Vec<(Kernel, Rules)>, Stop> {
    let rules = Choice::expand(&args.rules);
    let kernels = Choice::expand(&args.kernels);
    if kernels.len() > 1 && matches!(args.target, Target::Device | Target::Native) {
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
    Windows { driver: bool },
}

/// Looks for the target; the error says why it cannot be had here.
fn ready(args: &RunArgs) -> Result<Ready, Stop> {
    let windows = |driver, why_not: Option<String>| {
        why_not.map_or(Ok(Ready::Windows { driver }), |why| Err(Stop::unavailable(why)))
    };
    match args.target {
        Target::Model => Ok(Ready::Here(Source::Service, None)),
        Target::Image => {
            let (source, info) = load_image(&args.image.path)?;
            Ok(Ready::Here(source, Some(info)))
        }
        Target::Device => windows(true, why_no_device()),
        Target::Native => windows(false, why_no_native()),
    }
}

/// Runs the cases in one setting.
fn carry_out(
    ready: &Ready,
    kernel: Kernel,
    mode: Rules,
    selected: &[Case],
    seed: Option<u64>,
    progress: &Progress,
) -> Result<Vec<CaseResult>, Stop> {
    match ready {
        Ready::Here(source, _) => {
            let setup = Setup { source: source.clone(), kernel, rules: mode.mode() };
            let one = |case: &Case| {
                progress.now(case.id);
                let result = run_or_replay(&setup, case, seed, progress);
                progress.done();
                result
            };
            Ok(selected.iter().map(one).collect())
        }
        Ready::Windows { driver } => {
            let route = if *driver { Route::Driver(mode.mode()) } else { Route::UserMode };
            // The report comes at the end, which a run on Windows may not reach.
            let ended = |result: &CaseResult| {
                progress.beside(|| eprintln!("{}", report::line(result)));
                progress.done();
            };
            native(selected, kernel, route, &ended).map_err(Stop::unavailable)
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
    let (target, kernel, rules) = (&run.target, &run.kernel, &run.rules);
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
fn native(
    selected: &[Case],
    kernel: Kernel,
    route: Route,
    ended: &dyn Fn(&CaseResult),
) -> Result<Vec<CaseResult>, String> {
    crate::native::run(selected, kernel, route, ended)
}

#[cfg(not(windows))]
fn native(_: &[Case], _: Kernel, _: Route, _: &dyn Fn(&CaseResult)) -> Result<Vec<CaseResult>, String> {
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
