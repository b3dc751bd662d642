//! The system buffer, and the number of bytes returned.

use crate::call::{keep, kept};
use crate::defect::defects;
use core::hint::black_box;
use wdk_sys::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};

const PAGE: usize = 0x1000;

defects! {
    /// The byte behind the buffer is written.
    fn buffer_overrun [Control] (call) {
        let (buffer, length) = call.buffer();
        // SAFETY: none; this breaks the bounds of the buffer.
        unsafe { buffer.wrapping_add(length).write_volatile(1) };
    }

    /// The byte in front of the buffer is written.
    fn buffer_underrun [Control] (call) {
        let (buffer, _) = call.buffer();
        // SAFETY: none; this breaks the bounds of the buffer.
        unsafe { buffer.wrapping_sub(1).write_volatile(1) };
    }

    /// A loop writes past the end of the buffer without limit.
    fn buffer_overrun_without_end [Control] (call) {
        let (buffer, _) = call.buffer();
        for offset in 0..black_box(64 * PAGE) {
            // SAFETY: none; this breaks the bounds of the buffer.
            unsafe { buffer.wrapping_add(offset).write_volatile(0x41) };
        }
    }

    /// More bytes are returned than were written.
    fn stale_output [Control] (call) {
        let (buffer, length) = call.buffer();
        // SAFETY: the output buffer has eight bytes.
        unsafe { buffer.cast::<u64>().write_unaligned(1) };
        // Breaks the rule that no stale byte is returned.
        call.complete(STATUS_SUCCESS, length as u64);
    }

    /// More bytes are returned than the caller has room for.
    fn too_much_returned [Control] (call) {
        let (_, length) = call.buffer();
        call.complete(STATUS_SUCCESS, length as u64 + 1);
    }

    /// A negative number of bytes is returned.
    fn less_than_nothing_returned [Control] (call) {
        call.complete(STATUS_SUCCESS, u64::MAX);
    }

    /// A failure returns bytes.
    fn bytes_of_a_failure [Control] (call) {
        call.complete(STATUS_INVALID_PARAMETER, 8);
    }

    /// The buffer is written after the request was completed.
    fn buffer_written_after_completion [Control] (call) {
        let (buffer, _) = call.buffer();
        call.complete(STATUS_SUCCESS, 0);
        // SAFETY: none; this breaks the lifetime of the buffer.
        unsafe { buffer.wrapping_add(3).write_volatile(1) };
    }

    /// The buffer is written in the next request.
    fn buffer_kept [Control] (call) {
        match kept() {
            None => keep(call.buffer().0.cast()),
            // SAFETY: none; this breaks the lifetime of the buffer.
            Some(buffer) => unsafe { buffer.cast::<u8>().wrapping_add(3).write_volatile(1) },
        }
    }
}
