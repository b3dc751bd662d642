//! Failures below the driver: every call that can fail is made to fail, alone and
//! together with a second one, on each call stack that reaches it.
//!
//! Checked is, whatever fails, that each request ends with a status that the
//! contract documents for it, that each thread's slot is as the contract documents
//! it after that status, and that no reference, handle, pool block or request
//! leaks. The expected values of the case are not compared, since they do not
//! apply when calls fail.
//!
//! [`explore`] finds the failures of a case, [`Watch`] injects them and checks the
//! results; [`RunId`] names one run, so that it can be repeated.

mod contract;
mod explore;
mod id;
mod watch;

pub use explore::{Explored, Run, Setting, explore, explore_all, run};
pub use id::{Failing, RunId, Stack, StackId};
pub use watch::{Violation, Watch};
