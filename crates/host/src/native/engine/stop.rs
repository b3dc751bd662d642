//! The propagation of a fault to the host function that entered the driver.

use crate::Fault;

/// A fault that is propagated to the host function that entered the driver.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) Box<Fault>);

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self(Box::new(fault))
    }
}

/// The result of an operation that may break a contract.
pub(crate) type Outcome<T> = Result<T, Stop>;
