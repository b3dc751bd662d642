//! All failures of a case, until no new way to fail appears.

use super::id::{Failing, RunId, Stack, StackId};
use super::watch::{Met, Violation, Watch};
use crate::driver::Source;
use crate::result::CaseStatus;
use crate::run::{Setup, run_case};
use psimp_catalogue::Case;
use psimp_host::Image;
use psimp_model::Kernel;
use psimp_protocol::RulesMode;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What the cases run on.
#[derive(Clone)]
pub struct Setting {
    /// The driver.
    pub image: Arc<Image>,
    /// The kernel below.
    pub kernel: Kernel,
    /// The rules mode that IMPERSONATE requests.
    pub rules: RulesMode,
}

/// The result of one run.
#[derive(Debug)]
pub struct Run {
    /// The run's id.
    pub id: RunId,
    /// The violations of the contract.
    pub violations: Vec<Violation>,
    /// A log of the requests; empty unless requested.
    pub log: Vec<String>,
}

/// The result of a case.
#[derive(Debug, Default)]
pub struct Explored {
    /// The calls that can fail.
    pub stacks: BTreeMap<StackId, Stack>,
    /// How many runs there were.
    pub runs: usize,
    /// Those that violated the contract.
    pub broken: Vec<Run>,
}

/// Runs a case once with these failures. None if it cannot run on that kernel.
pub fn run(setting: &Setting, case: &Case, failing: &[Failing], narrate: bool) -> Option<Run> {
    once(setting, case, failing, narrate).map(|(run, _)| run)
}

/// How many failures are tried in all combinations.
const ALWAYS: usize = 2;

/// Runs a case with every single failure and every pair of failures; with more
/// failures for as long as that reaches calls that have not failed yet.
///
/// As a single failure, each occurrence of a call on a stack is tried, since the
/// state differs. The second failure of a pair is the first call on its stack.
pub fn explore(setting: &Setting, case: &Case) -> Explored {
    let mut explored = Explored::default();
    let mut failed = BTreeSet::new();
    // The runs to come, all with the same number of failures.
    let mut runs: Vec<Vec<Failing>> = vec![Vec::new()];
    while !runs.is_empty() {
        let mut seen = Vec::new();
        for failing in runs {
            let Some((run, since)) = once(setting, case, &failing, false) else { return explored };
            explored.runs += 1;
            failed.extend(failing.last().map(|last| last.stack));
            if !run.violations.is_empty() {
                explored.broken.push(run);
            }
            let met: Vec<_> = since.iter().map(|met| (met.id, met.times)).collect();
            explored.stacks.extend(since.into_iter().map(|met| (met.id, met.stack)));
            seen.push((failing, met));
        }
        runs = Vec::new();
        for (failing, met) in seen {
            for (stack, times) in met {
                if failing.len() < ALWAYS || failed.insert(stack) {
                    let times = if failing.is_empty() { times } else { 1 };
                    let next = |number| failing.iter().copied().chain([Failing { stack, number }]).collect();
                    runs.extend((1..=times).map(next));
                }
            }
        }
    }
    explored
}

/// Explores the cases, as many at a time as there are processors; the results
/// are in the order of the cases. `done` is called after each case, on the
/// thread that explored it.
pub fn explore_all(setting: &Setting, cases: &[Case], done: impl Fn() + Sync) -> Vec<Explored> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut explored = Vec::new();
        while let Some((number, case)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            cases.get(number).map(|case| (number, case))
        } {
            explored.push((number, explore(setting, case)));
            done();
        }
        explored
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut explored: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    explored.sort_by_key(|(number, _)| *number);
    explored.into_iter().map(|(_, explored)| explored).collect()
}

fn once(setting: &Setting, case: &Case, failing: &[Failing], narrate: bool) -> Option<(Run, Vec<Met>)> {
    let watch = Watch::new(failing, narrate);
    let setup = Setup {
        source: Source::Watched(setting.image.clone(), watch.clone()),
        kernel: setting.kernel,
        rules: setting.rules,
    };
    if let CaseStatus::Skipped(_) = run_case(&setup, case).status {
        return None;
    }
    let mut seen = watch.finish();
    if !seen.complete {
        let what = "the run did not get to the call that was to fail".to_owned();
        seen.violations.push(Violation { leak: false, what });
    }
    let Setting { kernel, rules, .. } = *setting;
    let id = RunId { case: case.id.to_owned(), kernel, rules, failing: failing.to_vec() };
    Some((Run { id, violations: seen.violations, log: seen.log }, seen.since))
}
