//! Failures and interruptions on demand, at named places.

use parking_lot::Mutex;
use psimp_nt::Status;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// A place in the model that can run out of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultPoint {
    /// `SepDuplicateToken`, also for the downgrade copy.
    DuplicateToken,
    /// The buffer of `SeQueryInformationToken`.
    QueryToken,
    /// `SeFilterToken`, also for the tokens of a job with filters.
    FilterToken,
    /// The block in which a thread keeps its impersonation, where the kernel has
    /// one. Whatever status is injected, the kernel returns its own.
    ThreadBlock,
    /// The descriptor of a downgrade copy, where the kernel extends it.
    CopyDescriptor,
}

/// The failures and actions that are pending.
#[derive(Debug, Default)]
pub struct Faults {
    watch: OnceLock<Watch>,
    /// Read first, so that a run without failures takes no lock.
    armed: AtomicBool,
    next: Mutex<Option<Next>>,
}

/// Runs at every point, for the lifetime of the kernel.
struct Watch(Box<dyn Fn(FaultPoint) + Send + Sync>);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

#[derive(Debug)]
struct Next {
    point: FaultPoint,
    skip: u32,
    event: Event,
}

enum Event {
    Fail(Status),
    Interrupt(Box<dyn FnOnce() + Send>),
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fail(status) => write!(f, "Fail({status})"),
            Self::Interrupt(_) => f.write_str("Interrupt"),
        }
    }
}

impl Faults {
    /// Makes the next call that reaches `point` fail with `status`, once.
    pub fn fail_next(&self, point: FaultPoint, status: Status) {
        self.fail_nth(point, 0, status);
    }

    /// Lets `skip` calls pass `point` and makes the next one fail, once.
    pub fn fail_nth(&self, point: FaultPoint, skip: u32, status: Status) {
        self.arm(Next { point, skip, event: Event::Fail(status) });
    }

    /// Runs `meanwhile` when a call next reaches `point`, once, as if another
    /// processor had run it first: a race made deterministic. The model holds no
    /// lock at that point.
    pub fn interrupt_next(&self, point: FaultPoint, meanwhile: impl FnOnce() + Send + 'static) {
        self.arm(Next { point, skip: 0, event: Event::Interrupt(Box::new(meanwhile)) });
    }

    /// Runs `watch` whenever a call reaches a point, from now on: it may block
    /// the calling thread. The model holds no lock at that point. Only the first
    /// watch is kept; another one is refused.
    pub fn watch(&self, watch: impl Fn(FaultPoint) + Send + Sync + 'static) -> bool {
        self.watch.set(Watch(Box::new(watch))).is_ok()
    }

    /// Drops what is pending and has not been reached.
    pub fn clear(&self) {
        self.armed.store(false, Ordering::Release);
        *self.next.lock() = None;
    }

    fn arm(&self, next: Next) {
        *self.next.lock() = Some(next);
        self.armed.store(true, Ordering::Release);
    }

    /// Called by the model at each point.
    ///
    /// # Errors
    /// The status given to [`Faults::fail_next`], if this is its point and turn.
    pub fn check(&self, point: FaultPoint) -> Result<(), Status> {
        if let Some(Watch(watch)) = self.watch.get() {
            watch(point);
        }
        if !self.armed.load(Ordering::Acquire) {
            return Ok(());
        }
        match self.due(point) {
            None => Ok(()),
            Some(Event::Fail(status)) => Err(status),
            Some(Event::Interrupt(meanwhile)) => {
                meanwhile();
                Ok(())
            }
        }
    }

    fn due(&self, point: FaultPoint) -> Option<Event> {
        let mut next = self.next.lock();
        let waiting = next.as_mut().filter(|waiting| waiting.point == point)?;
        if waiting.skip > 0 {
            waiting.skip -= 1;
            return None;
        }
        self.armed.store(false, Ordering::Release);
        next.take().map(|next| next.event)
    }
}
