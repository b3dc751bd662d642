//! Failures on demand: the next call that reaches a point fails.

use parking_lot::Mutex;
use psimp_protocol::Status;
use std::sync::atomic::{AtomicBool, Ordering};

/// A place in the model that can run out of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultPoint {
    /// `SepDuplicateToken`, also for the downgrade copy.
    DuplicateToken,
    /// The buffer of `SeQueryInformationToken`.
    QueryToken,
}

/// The failure that is waiting to happen.
#[derive(Debug, Default)]
pub struct Faults {
    /// Read first, so that a run without failures pays no lock.
    armed: AtomicBool,
    next: Mutex<Option<Next>>,
}

#[derive(Clone, Copy, Debug)]
struct Next {
    point: FaultPoint,
    skip: u32,
    status: Status,
}

impl Faults {
    /// Makes the next call that reaches `point` fail with `status`, once.
    pub fn fail_next(&self, point: FaultPoint, status: Status) {
        self.fail_nth(point, 0, status);
    }

    /// Lets `skip` calls pass `point` and makes the one after them fail, once.
    pub fn fail_nth(&self, point: FaultPoint, skip: u32, status: Status) {
        *self.next.lock() = Some(Next { point, skip, status });
        self.armed.store(true, Ordering::Release);
    }

    /// Called by the model at each point.
    ///
    /// # Errors
    /// The status given to [`Faults::fail_next`], if this is its point and turn.
    pub fn check(&self, point: FaultPoint) -> Result<(), Status> {
        if !self.armed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut next = self.next.lock();
        match &mut *next {
            Some(waiting) if waiting.point == point && waiting.skip > 0 => {
                waiting.skip -= 1;
                Ok(())
            }
            Some(waiting) if waiting.point == point => {
                let status = waiting.status;
                *next = None;
                self.armed.store(false, Ordering::Release);
                Err(status)
            }
            _ => Ok(()),
        }
    }
}
