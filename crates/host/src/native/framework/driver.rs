//! The driver object of the framework.

use super::typed_context::TypedContext;

/// `WDFDRIVER`.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) handle: u64,
    /// `EvtDriverUnload`.
    pub(crate) on_unload: u64,
    pub(crate) context: TypedContext,
}
