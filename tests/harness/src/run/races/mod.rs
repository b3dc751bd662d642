//! Carries out cases in which threads act at the same time, many times: under
//! schedules that are made from seeds and, where there is no image whose calls
//! could be scheduled, also as the operating system schedules the threads.

mod act;
mod ends;
mod env;
mod explain;
mod schedule;

#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) use act::name;
pub(crate) use ends::Tally;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) use ends::which;
pub(crate) use env::tokens;
pub(crate) use explain::explain;
pub use schedule::{Schedule, TakesPart, Turn};

use crate::driver::Source;
use crate::result::{Comparison, Mismatch, mismatch};
use crate::run::setup::Setup;
use act::Actor;
use env::RaceEnv;
use parking_lot::Mutex;
use psimp_catalogue::{Race, Who};
use psimp_host::{Observer, Options};
use psimp_model::FaultPoint;
use std::fmt::Write as _;
use std::sync::Arc;

/// The least number of seeds of a run, from 0 on.
pub const SCHEDULES: u64 = 128;

/// The most, where some end state has not been reached yet.
const MOST_SCHEDULES: u64 = 1024;

/// How often threads run unscheduled, on a setup that needs that.
const FREE_RUNS: u64 = 16;

/// Runs a race under [`SCHEDULES`] schedules, and more until it has reached all
/// end states that it must reach; stops at the first failure.
pub(crate) fn run(setup: &Setup, race: &Race) -> Comparison {
    if setup.source.witness().is_some() {
        // Between these runs only the failures may differ.
        return once(setup, race, &Pace::seeded(0, race)).0.map(|_| "one schedule".to_owned());
    }
    let mut tally = Tally::new(ends::allowed(setup, race));
    let mut seeds = 0..MOST_SCHEDULES;
    while let Some(seed) = seeds.next().filter(|seed| *seed < SCHEDULES || !tally.is_complete()) {
        let (end, _) = once(setup, race, &Pace::seeded(seed, race));
        tally.count(end.map_err(|found| named(&format!("seed {seed:#x}"), found))?);
    }
    tally.require_all()?;
    let mut words = format!("{} schedules", tally.total());
    if matches!(setup.source, Source::Service) {
        for _ in 0..FREE_RUNS {
            once(setup, race, &Pace::Free).0.map_err(|found| named("threads at liberty", found))?;
        }
        let _ = write!(words, ", {FREE_RUNS} runs at liberty");
    }
    Ok(format!("{words}: {}", tally.words()))
}

/// Runs a race under the schedule of one seed; also returns that schedule.
pub(crate) fn replay(setup: &Setup, race: &Race, seed: u64) -> (Comparison, Vec<Turn>) {
    let mut tally = Tally::new(ends::allowed(setup, race));
    let (end, turns) = once(setup, race, &Pace::seeded(seed, race));
    let found = end.map_err(|found| named(&format!("seed {seed:#x}"), found)).map(|end| {
        tally.count(end);
        format!("seed {seed:#x}, {} turns: {}", turns.len(), tally.words())
    });
    (found, turns)
}

/// The turns in words: each thread with the point that it reached.
pub fn words(race: &Race, turns: &[Turn]) -> String {
    let mut text = String::new();
    for chunk in turns.chunk_by(|one, other| one.part == other.part) {
        if let Some(first) = chunk.first() {
            let who = race.parts.get(first.part).map(|part| part.0);
            let _ = write!(text, "{}:", who.map_or_else(|| "?".to_owned(), |who| format!("{who:?}")));
        }
        for turn in chunk {
            let _ = write!(text, " {}", turn.what);
        }
        text.push('\n');
    }
    text
}

fn named(how: &str, found: Vec<Mismatch>) -> Vec<Mismatch> {
    found.into_iter().map(|m| Mismatch { what: format!("{how}: {}", m.what), ..m }).collect()
}

/// How the threads are scheduled.
pub(super) enum Pace {
    /// By a schedule.
    Seeded(Arc<Schedule>),
    /// By the operating system, with a yield at each point.
    Free,
}

impl Pace {
    fn seeded(seed: u64, race: &Race) -> Self {
        Self::Seeded(Arc::new(Schedule::new(seed, race.parts.len())))
    }

    /// A point between two acts, or in the kernel.
    fn pause(&self, what: &'static str) {
        match self {
            Self::Seeded(schedule) => schedule.pause(what),
            Self::Free => std::thread::yield_now(),
        }
    }

    fn take_part(&self, part: usize) -> Option<TakesPart<'_>> {
        match self {
            Self::Seeded(schedule) => Some(schedule.take_part(part)),
            Self::Free => None,
        }
    }

    fn options(&self) -> Options {
        let observer = match self {
            Self::Seeded(schedule) => Some(schedule.clone() as Arc<dyn Observer>),
            Self::Free => None,
        };
        Options { observer, ..Options::default() }
    }

    fn turns(&self) -> Vec<Turn> {
        match self {
            Self::Seeded(schedule) => schedule.trace(),
            Self::Free => Vec::new(),
        }
    }
}

/// Runs a race once; returns which of its end states it reached.
fn once(setup: &Setup, race: &Race, pace: &Pace) -> (Result<usize, Vec<Mismatch>>, Vec<Turn>) {
    let env = match RaceEnv::start(setup, race, pace.options()) {
        Ok(env) => env,
        Err(failure) => return (Err(vec![mismatch("start", "success", failure.to_string())]), Vec::new()),
    };
    let on_first = Actor::new(&env, Who::T1, &Pace::Free);
    on_first.acts(race.before);
    env.watch_kernel(pace);
    std::thread::scope(|scope| {
        for (part, (who, acts)) in race.parts.iter().enumerate() {
            let env = &env;
            scope.spawn(move || {
                let _part = pace.take_part(part);
                // The reference to its thread is dropped while it is still its turn.
                Actor::new(env, *who, pace).acts(acts);
            });
        }
    });
    on_first.acts(race.after);
    drop(on_first);
    (finish(env, setup, race), pace.turns())
}

/// Observes the end state, ends everything, and returns which end state it is.
fn finish(env: RaceEnv, setup: &Setup, race: &Race) -> Result<usize, Vec<Mismatch>> {
    let handles = std::mem::take(&mut *env.handles.lock());
    for handle in handles.into_values() {
        env.machine.close(handle);
    }
    let end = ends::reached(&env, setup, race);
    let unloaded = env.unload(&env.machine.thread);
    let RaceEnv { machine, threads, found, disabled, .. } = env;
    drop((threads, disabled));
    let left = machine.leftovers().into_iter().map(|(tok, left)| {
        let observed = format!("{left:+} on {}", tok.name());
        if let Some(witness) = setup.source.witness() {
            witness.left(&observed);
        }
        mismatch("references when all threads are gone", "none", observed)
    });
    let (mut found, end) = match end {
        Ok(end) => (found.into_inner(), end),
        Err(other) => (found.into_inner().into_iter().chain([other]).collect(), 0),
    };
    found.extend(unloaded);
    found.extend(left);
    if found.is_empty() { Ok(end) } else { Err(found) }
}

/// The name of a point in the kernel.
fn point(point: FaultPoint) -> &'static str {
    match point {
        FaultPoint::DuplicateToken => "(duplicates a token)",
        FaultPoint::QueryToken => "(queries a token)",
        FaultPoint::FilterToken => "(filters a token)",
        FaultPoint::ThreadBlock => "(allocates a block)",
        FaultPoint::CopyDescriptor => "(makes a descriptor)",
    }
}

/// The differences that the threads found.
type Differences = Mutex<Vec<Mismatch>>;
