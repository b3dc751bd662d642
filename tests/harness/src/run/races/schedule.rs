//! Schedules: one thread runs at a time, chosen from a seed.
#![cfg_attr(windows, allow(clippy::missing_const_for_thread_local))] // emulated there: the lint sees no const

use oorandom::Rand32;
use parking_lot::{Condvar, Mutex, MutexGuard};
use psimp_host::{Call, Decision, Observer, Waiting};
use std::cell::Cell;

/// The turns of several threads of the operating system.
///
/// Exactly one of the threads that take part runs. At each point that it reaches,
/// such as a call of the driver into the kernel, the next one to run is drawn. A
/// schedule depends only on the seed and on the points that the threads reach, so
/// the same seed gives the same schedule.
///
/// Threads that do not take part are not held back.
#[derive(Debug)]
pub struct Schedule {
    state: Mutex<State>,
    /// One for each part.
    turns: Box<[Condvar]>,
}

#[derive(Debug)]
struct State {
    random: Rand32,
    manner: Manner,
    current: usize,
    parts: Box<[PartState]>,
    trace: Vec<Turn>,
}

/// How the next thread is chosen. Some races show when threads take turns at every
/// call, others when one stops at a call while the others finish: each kind is
/// made by some seeds.
#[derive(Debug)]
enum Manner {
    /// On average one of this many points passes the turn on, to any thread.
    Walk { patience: u32 },
    /// The turn is passed on, to any thread, only at calls of some functions, chosen
    /// by name.
    Names { salt: u32 },
    /// The thread of the highest rank runs, until it reaches one of a few
    /// points: there its rank drops below all others. (Burckhardt and others, "A
    /// Randomized Scheduler with Probabilistic Guarantees of Finding Bugs".)
    Ranks {
        /// By part.
        ranks: Box<[i64]>,
        /// The points by number, the next one last.
        changes: Vec<usize>,
    },
}

impl Manner {
    fn draw(random: &mut Rand32, parts: usize) -> Self {
        match random.rand_range(0..8) {
            0..2 => return Self::Walk { patience: 1 << random.rand_range(0..4) },
            2..5 => return Self::Names { salt: random.rand_u32() },
            _ => (),
        }
        let ranks = (0..parts).map(|_| i64::from(random.rand_u32())).collect();
        // The number of points is not known in advance, so some schedules change early.
        let within = 4 << random.rand_range(0..6);
        let mut changes: Vec<_> = (0..random.rand_range(0..4)).map(|_| pick(random, within)).collect();
        changes.sort_unstable_by(|one, other| other.cmp(one));
        Self::Ranks { ranks, changes }
    }
}

/// The state of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PartState {
    /// It runs, or can when it is its turn.
    Ready,
    /// It waits for a lock, which no thread can have released since.
    Waits,
    /// It has finished.
    Gone,
}

/// A point that a thread reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The number of the thread.
    pub part: usize,
    /// What it is about to do.
    pub what: &'static str,
}

thread_local! {
    /// The number of this thread in its schedule.
    // It is const; clippy does not see it where the target has no thread-local storage of its own.
    #[allow(clippy::missing_const_for_thread_local)]
    static PART: Cell<Option<usize>> = const { Cell::new(None) };
}

impl Schedule {
    /// A schedule for this many threads.
    pub fn new(seed: u64, parts: usize) -> Self {
        // Successive seeds would draw similar numbers at first.
        let mut random = Rand32::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let manner = Manner::draw(&mut random, parts);
        let ready = vec![PartState::Ready; parts].into_boxed_slice();
        let mut state = State { random, manner, current: 0, parts: ready, trace: Vec::new() };
        state.current = state.draw().unwrap_or_default();
        Self { state: Mutex::new(state), turns: (0..parts).map(|_| Condvar::new()).collect() }
    }

    /// The calling thread takes part under this number, from its first turn until
    /// the value is dropped.
    pub fn take_part(&self, part: usize) -> TakesPart<'_> {
        PART.set(Some(part));
        let state = self.state.lock();
        self.wait_for_turn(state, part);
        TakesPart { schedule: self, part }
    }

    /// A point: returns when it is the thread's turn again.
    pub fn pause(&self, what: &'static str) {
        let Some(part) = PART.get() else { return };
        let mut state = self.state.lock();
        state.trace.push(Turn { part, what });
        state.progress();
        if state.is_change(part) {
            self.pass_on(state, part);
        }
    }

    /// The turns so far.
    pub fn trace(&self) -> Vec<Turn> {
        self.state.lock().trace.clone()
    }

    /// Passes the turn to one of the threads that can run.
    fn pass_on(&self, mut state: MutexGuard<'_, State>, part: usize) {
        if let Some(next) = state.draw() {
            self.give(&mut state, next);
        }
        self.wait_for_turn(state, part);
    }

    fn give(&self, state: &mut State, next: usize) {
        state.current = next;
        if let Some(turn) = self.turns.get(next) {
            turn.notify_one();
        }
    }

    fn wait_for_turn(&self, mut state: MutexGuard<'_, State>, part: usize) {
        if let Some(turn) = self.turns.get(part) {
            turn.wait_while(&mut state, |state| state.current != part);
        }
    }
}

impl State {
    /// Whether another thread may run at the point just recorded.
    fn is_change(&mut self, part: usize) -> bool {
        match &mut self.manner {
            Manner::Walk { patience } => self.random.rand_range(0..*patience) == 0,
            Manner::Names { salt } => self.trace.last().is_some_and(|turn| is_chosen(*salt, turn.what)),
            Manner::Ranks { ranks, changes } => {
                let point = self.trace.len() - 1;
                let here = changes.last() == Some(&point);
                changes.retain(|change| *change > point);
                if here && let Some(rank) = ranks.get_mut(part) {
                    *rank = -i64::try_from(point).unwrap_or(i64::MAX) - 1;
                }
                // A thread of a higher rank may have been waiting until now.
                true
            }
        }
    }

    /// Draws one of the threads that can run.
    fn draw(&mut self) -> Option<usize> {
        let ready = self.parts.iter().enumerate().filter(|(_, part)| **part == PartState::Ready);
        let ready: Vec<_> = ready.map(|(number, _)| number).collect();
        match &self.manner {
            Manner::Walk { .. } | Manner::Names { .. } => {
                let nth = pick(&mut self.random, ready.len());
                ready.get(nth).copied()
            }
            Manner::Ranks { ranks, .. } => ready.into_iter().max_by_key(|part| ranks.get(*part)),
        }
    }

    /// A thread makes progress, and may have released a lock.
    fn progress(&mut self) {
        for part in &mut self.parts {
            if *part == PartState::Waits {
                *part = PartState::Ready;
            }
        }
    }

    fn set(&mut self, part: usize, to: PartState) {
        if let Some(part) = self.parts.get_mut(part) {
            *part = to;
        }
    }
}

impl Observer for Schedule {
    fn rule(&self, call: &Call) -> Decision {
        self.pause(call.function);
        Decision::Proceed
    }

    fn wait(&self, _thread: u32) -> Waiting {
        let Some(part) = PART.get() else { return Waiting::Sleep };
        let mut state = self.state.lock();
        state.trace.push(Turn { part, what: "(waits for a lock)" });
        state.set(part, PartState::Waits);
        if !state.parts.contains(&PartState::Ready) {
            return Waiting::Abandon;
        }
        self.pass_on(state, part);
        Waiting::Again
    }
}

/// A thread's part in a schedule.
#[derive(Debug)]
pub struct TakesPart<'a> {
    schedule: &'a Schedule,
    part: usize,
}

impl Drop for TakesPart<'_> {
    fn drop(&mut self) {
        PART.set(None);
        let mut state = self.schedule.state.lock();
        state.set(self.part, PartState::Gone);
        state.progress();
        if let Some(next) = state.draw() {
            self.schedule.give(&mut state, next);
        }
    }
}

/// Whether a name is chosen by the salt, as one in four is. (FNV-1a, which does not
/// depend on the platform.)
fn is_chosen(salt: u32, name: &str) -> bool {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = name.bytes().fold(0x811C_9DC5 ^ salt, mix);
    (hash ^ hash >> 15) % 4 == 0
}

/// A number below `count`, which is small.
fn pick(random: &mut Rand32, count: usize) -> usize {
    let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
    random.rand_range(0..count) as usize
}

#[cfg(test)]
mod tests {
    use super::{Schedule, Turn};
    use psimp_host::{Observer, Waiting};
    use std::collections::BTreeSet;

    fn threads(seed: u64) -> Vec<Turn> {
        let schedule = Schedule::new(seed, 3);
        std::thread::scope(|scope| {
            for part in 0..3 {
                let schedule = &schedule;
                scope.spawn(move || {
                    let _part = schedule.take_part(part);
                    for what in ["one", "two", "three"] {
                        schedule.pause(what);
                    }
                });
            }
        });
        schedule.trace()
    }

    #[test]
    fn a_seed_makes_the_same_schedule_again_and_seeds_differ() {
        let all: Vec<_> = (0..64).map(threads).collect();
        assert_eq!(all, (0..64).map(threads).collect::<Vec<_>>());
        let different: BTreeSet<Vec<_>> =
            all.iter().map(|trace| trace.iter().map(|turn| turn.part).collect()).collect();
        assert!(different.len() > 20, "{}", different.len());
        assert!(all.iter().all(|trace| trace.len() == 9));
    }

    #[test]
    fn who_waits_lets_others_run_and_waits_in_vain_for_nobody() {
        let schedule = Schedule::new(1, 2);
        let waits = || schedule.wait(0);
        let (first, second) = std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                let _part = schedule.take_part(0);
                (waits(), waits())
            });
            let second = scope.spawn(|| {
                let _part = schedule.take_part(1);
                (waits(), waits())
            });
            (first.join().expect("no panic"), second.join().expect("no panic"))
        });
        let all = [first.0, first.1, second.0, second.1];
        assert!(all.contains(&Waiting::Again) && all.contains(&Waiting::Abandon), "{all:?}");
        assert_eq!(schedule.wait(0), Waiting::Sleep, "for those that take no part");
    }
}
