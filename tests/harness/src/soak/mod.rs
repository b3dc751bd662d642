//! A soak: threads make random calls on shared threads, saves and files for a given
//! time, as fast as they can.
//!
//! Each token is impersonated with flags and a level that no other token is
//! impersonated with. So a slot that is a mixture of two can be detected.

mod crowd;
mod decode;
mod worker;
mod world;

use crate::driver::{Failure, Source};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use worker::Worker;
use world::World;

pub use crowd::{Crowd, crowd};

/// The result of a soak.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// How long the threads ran.
    pub duration: Duration,
    /// How many there were.
    pub threads: usize,
    /// Requests that reached the driver; on the target device also the system calls made between them.
    pub ioctls: u64,
    /// Requests that it refused, by status.
    pub refused: BTreeMap<String, u64>,
    /// Slots that no thread assigned, the first few in words.
    pub torn: Findings,
    /// Statuses and replies that an operation cannot return.
    pub unexpected: Findings,
    /// References, pool blocks and handles that were left at the end.
    pub leaks: Findings,
}

/// How often something was found, and the first few in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// How often.
    pub count: u64,
    /// The first ones.
    pub first: Vec<String>,
}

impl Findings {
    pub(crate) fn add(&mut self, words: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < 5 {
            self.first.push(words());
        }
    }

    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(5);
    }
}

impl Figures {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.torn.count == 0 && self.unexpected.count == 0 && self.leaks.count == 0
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.ioctls += other.ioctls;
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
        self.torn.join(other.torn);
        self.unexpected.join(other.unexpected);
        self.leaks.join(other.leaks);
    }
}

/// Runs this many threads for this long.
///
/// # Errors
/// When the driver does not start, or its device does not open.
pub fn soak(source: &Source, duration: Duration, threads: usize) -> Result<Figures, Failure> {
    let world = World::start(source, threads)?;
    let begin = Instant::now();
    let workers = std::thread::scope(|scope| {
        let start = |number| {
            let mut worker = Worker::new(&world, number);
            scope.spawn(move || {
                while begin.elapsed() < duration && worker.turns(64) {}
                worker.figures()
            })
        };
        let running: Vec<_> = (0..threads).map(start).collect();
        running.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut figures = Figures { duration: begin.elapsed(), threads, ..Figures::default() };
    for worker in workers {
        match worker {
            Ok(worker) => figures.join(worker),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    for leak in world.finish() {
        figures.leaks.add(|| leak);
    }
    Ok(figures)
}
