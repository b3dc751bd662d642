//! The resources that a driver holds, and their descriptions.
//!
//! From the bottom up: [`object_address`] is how the driver sees an object, [`describe`] how a
//! message names it; [`references`], [`pool`], [`handles`] and [`tracing`] are the kinds of
//! resources; [`ledger`] combines them.

pub(crate) mod describe;
pub(crate) mod handles;
pub(crate) mod ledger;
pub(crate) mod object_address;
pub(crate) mod pool;
pub(crate) mod references;
pub(crate) mod status;
pub(crate) mod tracing;
