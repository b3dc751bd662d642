//! What a driver holds, and the words for it.
//!
//! From the bottom up: [`object_address`] is what the driver sees of an object, [`describe`] what a
//! message calls it; [`references`], [`pool`], [`handles`] and [`tracing`] are what it can hold;
//! [`ledger`] is all of it.

pub(crate) mod describe;
pub(crate) mod handles;
pub(crate) mod ledger;
pub(crate) mod object_address;
pub(crate) mod pool;
pub(crate) mod references;
pub(crate) mod status;
pub(crate) mod tracing;
