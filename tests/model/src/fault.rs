//! Failures on demand: the next call that reaches a point fails.

use parking_lot::Mutex;
use psimp_protocol::Status;

/// A place in the model that can run out of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultPoint {
    /// `SepDuplicateToken`, also for the downgrade copy.
    DuplicateToken,
    /// The buffer of `SeQueryInformationToken`.
    QueryToken,
}

/// The failures that are waiting to happen.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Option<(FaultPoint, Status)>>);

impl Faults {
    /// Makes the next call that reaches `point` fail with `status`, once.
    pub fn fail_next(&self, point: FaultPoint, status: Status) {
        *self.0.lock() = Some((point, status));
    }

    /// Called by the model at each point.
    ///
    /// # Errors
    /// The status given to [`Faults::fail_next`], if this is its point.
    pub fn check(&self, point: FaultPoint) -> Result<(), Status> {
        let mut next = self.0.lock();
        match *next {
            Some((at, status)) if at == point => {
                *next = None;
                Err(status)
            }
            _ => Ok(()),
        }
    }
}
