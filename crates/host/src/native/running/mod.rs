//! A driver that runs: its machine, and each call into and out of it.

pub(crate) mod context;
pub(crate) mod dispatch;
pub(crate) mod machine;
pub(crate) mod memory;
pub(crate) mod trap_stubs;
