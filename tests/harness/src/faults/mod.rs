//! Failures below the driver: every call that can fail is made to, and then a
//! second one after it, on each way that leads there.
//!
//! The promise that is checked, whatever fails: each request ends with a status
//! that the contract documents for it, each thread's slot is as the contract says
//! it is after that status, and no reference, handle, pool block or request is
//! lost. What a case expects otherwise is not looked at: it is not what comes
//! when things fail.
//!
//! [`explore`] finds the failures of a case, [`Watch`] makes them and sees what
//! came of it; [`RunId`] names one run, so that it can be had again.

mod contract;
mod explore;
mod id;
mod watch;

pub use explore::{Explored, Run, Setting, explore, explore_all, run};
pub use id::{Failing, RunId, Stack, StackId};
pub use watch::{Violation, Watch};
