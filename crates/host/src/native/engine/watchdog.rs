//! Stops a driver that does not return.
//!
//! One thread of the process checks the others periodically. A thread that has
//! been in the driver's own code for too long without a call gets a signal, whose
//! handler ends the entry. A driver that makes calls without end is stopped at a
//! call.
#![allow(unsafe_code)] // a signal for a thread

use parking_lot::Mutex;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Ignored by default, and not sent by other code that does not expect this
/// handler.
pub(crate) const SIGNAL: libc::c_int = libc::SIGURG;

/// A driver that makes more calls than this in one dispatch is considered hung.
const MOST_CALLS: u64 = 10_000_000;

/// The interval between checks.
const INTERVAL: Duration = Duration::from_millis(50);

/// What the watchdog sees of a thread.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Incremented when the driver is entered and left, and increased by two at
    /// every call it makes: odd while inside.
    count: AtomicU64,
    /// The count at which the driver has made too many calls.
    most: AtomicU64,
    /// Milliseconds that an entry may take; zero for no limit.
    limit: AtomicU32,
}

impl Watch {
    /// Records an entry into the driver from outside.
    pub(crate) fn enter(&self, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
        let most = self.step(1) + 2 * MOST_CALLS;
        self.most.store(if limit == 0 { u64::MAX } else { most }, Ordering::Relaxed);
    }

    /// Records a call of the driver: returns whether it is within the limit.
    pub(crate) fn progress(&self) -> bool {
        self.step(2) <= self.most.load(Ordering::Relaxed)
    }

    /// Records the exit from the driver.
    pub(crate) fn leave(&self) {
        self.step(1);
    }

    /// Only the thread itself updates the count.
    fn step(&self, by: u64) -> u64 {
        let count = self.count.load(Ordering::Relaxed) + by;
        self.count.store(count, Ordering::Relaxed);
        count
    }
}

/// The threads that may be in a driver.
static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());

struct Watched {
    watch: &'static Watch,
    thread: libc::pthread_t,
    /// The count at the last check, and when it was first seen.
    seen: (u64, Instant),
}

/// Starts watching the calling thread.
pub(crate) fn add(watch: &'static Watch) {
    static START: Once = Once::new();
    START.call_once(|| {
        // Without the watchdog, a hung driver is not stopped; that is no reason
        // to fail.
        let _ = thread::Builder::new().name("driver watchdog".to_owned()).spawn(watch_all);
    });
    // SAFETY: always succeeds.
    let thread = unsafe { libc::pthread_self() };
    WATCHED.lock().push(Watched { watch, thread, seen: (0, Instant::now()) });
}

/// Stops watching the calling thread.
pub(crate) fn remove(watch: &'static Watch) {
    WATCHED.lock().retain(|watched| !std::ptr::eq(watched.watch, watch));
}

fn watch_all() {
    loop {
        thread::sleep(INTERVAL);
        // While it is locked, threads stay in the list and alive.
        WATCHED.lock().iter_mut().for_each(look);
    }
}

fn look(watched: &mut Watched) {
    let count = watched.watch.count.load(Ordering::Relaxed);
    let limit = Duration::from_millis(watched.watch.limit.load(Ordering::Relaxed).into());
    if watched.seen.0 != count {
        watched.seen = (count, Instant::now());
    } else if count % 2 == 1 && !limit.is_zero() && watched.seen.1.elapsed() > limit {
        // SAFETY: the thread removes itself from the list before it ends.
        unsafe { libc::pthread_kill(watched.thread, SIGNAL) };
    }
}
