//! A running driver.
//!
//! From the bottom up: [`account`] is a thread's data for the drivers that it calls; [`machine`] is the
//! environment of one driver; [`dispatch`] is one call of the host into the driver; [`context`] and
//! [`call`] are one call of the driver back into the host, and [`memory`] its arguments; [`trap_stubs`]
//! are the calls that are not modelled, and [`guarded_call`] what calls through pointers go through.

pub(crate) mod account;
pub(crate) mod call;
pub(crate) mod context;
pub(crate) mod dispatch;
pub(crate) mod guarded_call;
pub(crate) mod machine;
pub(crate) mod memory;
pub(crate) mod trap_stubs;
