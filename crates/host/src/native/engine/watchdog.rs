//! A driver that does not return.
//!
//! One thread of the process looks at the others from time to time. Where one has
//! been in the driver's own code for too long without a call, it gets a signal,
//! whose handler ends the entry. A driver that calls for ever is stopped at a
//! call.
#![allow(unsafe_code)] // a signal for a thread

use parking_lot::Mutex;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Ignored by default, and sent by nobody else who does not expect it to be.
pub(crate) const SIGNAL: libc::c_int = libc::SIGURG;

/// A driver that makes more calls than this in one dispatch will not return.
const MOST_CALLS: u64 = 10_000_000;

/// How often the watchdog looks.
const INTERVAL: Duration = Duration::from_millis(50);

/// What the watchdog sees of a thread.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Counts up when the driver is entered and when it is left, and by two at
    /// every call it makes: odd inside.
    count: AtomicU64,
    /// The count at which the driver has made too many calls.
    most: AtomicU64,
    /// Milliseconds that an entry may take; zero for ever.
    limit: AtomicU32,
}

impl Watch {
    /// The driver is entered from outside.
    pub(crate) fn enter(&self, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
        let most = self.step(1) + 2 * MOST_CALLS;
        self.most.store(if limit == 0 { u64::MAX } else { most }, Ordering::Relaxed);
    }

    /// The driver makes a call: returns whether it is not one too many.
    pub(crate) fn progress(&self) -> bool {
        self.step(2) <= self.most.load(Ordering::Relaxed)
    }

    /// The driver is left.
    pub(crate) fn leave(&self) {
        self.step(1);
    }

    /// Only the thread itself counts.
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
    /// The count at the last look, and when it was first seen.
    seen: (u64, Instant),
}

/// Watches the calling thread.
pub(crate) fn add(watch: &'static Watch) {
    static START: Once = Once::new();
    START.call_once(|| {
        // Without it a driver that hangs, hangs: not worth failing for.
        let _ = thread::Builder::new().name("driver watchdog".to_owned()).spawn(watch_all);
    });
    // SAFETY: always succeeds.
    let thread = unsafe { libc::pthread_self() };
    WATCHED.lock().push(Watched { watch, thread, seen: (0, Instant::now()) });
}

/// Watches the calling thread no longer.
pub(crate) fn remove(watch: &'static Watch) {
    WATCHED.lock().retain(|watched| !std::ptr::eq(watched.watch, watch));
}

fn watch_all() {
    loop {
        thread::sleep(INTERVAL);
        // Threads stay in the list, and alive, while it is locked.
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
