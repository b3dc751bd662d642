//! What the driver holds, and the words for it: references, pool blocks, handles, event providers.

pub(crate) mod describe;
pub(crate) mod handles;
pub(crate) mod ledger;
pub(crate) mod object_address;
pub(crate) mod pool;
pub(crate) mod references;
pub(crate) mod status;
pub(crate) mod tracing;
