//! Handles of this process.

pub use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};

use std::os::windows::io::AsRawHandle as _;

/// A handle as a number, for calls that take its bytes.
pub fn number(handle: BorrowedHandle<'_>) -> u64 {
    handle.as_raw_handle().addr() as u64
}
