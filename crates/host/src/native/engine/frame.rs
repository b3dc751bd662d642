//! The data on the host's stack for each entry into the driver.

/// A call of an export, as its thunk saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallFrame {
    /// Return address.
    pub(crate) caller: u64,
    /// Stack pointer; it points to the return address.
    pub(crate) rsp: u64,
}

/// An entry into the driver.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Frame {
    /// Stack pointer with the saved registers above it.
    pub(super) rsp: u64,
    /// The previous entry, when an export made this one; null otherwise.
    pub(super) outer: *mut Self,
    /// The call of that export.
    pub(super) call: CallFrame,
}
