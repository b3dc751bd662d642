//! Memory that is lent to the driver, between guard bytes.
#![allow(unsafe_code)] // raw memory that foreign code writes through its own pointers

use super::pattern;
use std::alloc::{self, Layout};
use std::ptr::{self, NonNull};

/// Bytes on either side of the lent memory.
const GUARD: usize = 32;
const GUARD_BYTE: u8 = 0xFD;
const GUARD_BYTES: [u8; GUARD] = [GUARD_BYTE; GUARD];

/// The byte of memory that was taken back.
const FREED: u8 = 0xDD;

/// A block whose memory the driver may use, and whose neighbourhood it may not.
///
/// The length can be changed up to the capacity, so that blocks can be used
/// again without asking the allocator.
#[derive(Debug)]
pub(crate) struct Guarded {
    base: NonNull<u8>,
    capacity: usize,
    length: usize,
}

// SAFETY: the memory belongs to the value and to no thread.
unsafe impl Send for Guarded {}
// SAFETY: `&self` reads and writes the memory only while the driver, which runs
// on one thread with a given block at a time, waits for the host.
unsafe impl Sync for Guarded {}

impl Guarded {
    /// A block that can be lent for `capacity` bytes or fewer.
    pub(crate) fn new(capacity: usize) -> Self {
        let layout = Self::layout(capacity);
        // SAFETY: the layout is never empty: it holds the guards.
        let base = unsafe { alloc::alloc(layout) };
        let base = NonNull::new(base).unwrap_or_else(|| alloc::handle_alloc_error(layout));
        Self { base, capacity, length: 0 }
    }

    /// A block of zeros.
    pub(crate) fn zeroed(length: usize) -> Self {
        let mut block = Self::new(length);
        block.lend(length);
        block.fill_from(0, 0);
        block
    }

    fn layout(capacity: usize) -> Layout {
        let size = capacity.saturating_add(2 * GUARD);
        Layout::from_size_align(size, 16).unwrap_or_else(|_| alloc::handle_alloc_error(Layout::new::<u8>()))
    }

    /// Sets the length and lays the guards around it.
    pub(crate) fn lend(&mut self, length: usize) {
        self.length = length.min(self.capacity);
        // SAFETY: the front guard is the start of the allocation.
        unsafe { ptr::write_bytes(self.base.as_ptr(), GUARD_BYTE, GUARD) };
        // SAFETY: the end of the lent bytes lies inside the allocation.
        let end = unsafe { self.data().add(self.length) };
        // SAFETY: another guard fits behind the capacity, hence behind the length.
        unsafe { ptr::write_bytes(end, GUARD_BYTE, GUARD) };
    }

    /// How many bytes the block can be lent for.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many bytes are lent.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Start of the lent bytes.
    pub(crate) fn data(&self) -> *mut u8 {
        // SAFETY: the allocation begins with the front guard.
        unsafe { self.base.as_ptr().add(GUARD) }
    }

    /// The address the driver gets.
    pub(crate) fn address(&self) -> u64 {
        self.data() as u64
    }

    /// The lent bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the bytes are initialised by whoever lent them out, and the
        // driver, who may write them, waits for the host.
        unsafe { std::slice::from_raw_parts(self.data(), self.length) }
    }

    /// Writes a few of the lent bytes.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) {
        if offset.checked_add(bytes.len()).is_some_and(|end| end <= self.length) {
            // SAFETY: the offset lies inside, as just checked.
            let to = unsafe { self.data().add(offset) };
            // SAFETY: the range lies inside, and the driver waits for the host.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        }
    }

    /// Eight of the lent bytes as a number.
    pub(crate) fn read_u64(&self, offset: usize) -> u64 {
        let bytes = self.bytes().get(offset..).and_then(<[u8]>::first_chunk::<8>);
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Fills the lent bytes from `start` on with one value.
    pub(crate) fn fill_from(&mut self, start: usize, value: u8) {
        let left = self.length.saturating_sub(start);
        // SAFETY: `start` is at most the length where anything is written.
        let from = unsafe { self.data().add(start.min(self.length)) };
        // SAFETY: `left` bytes from there are lent.
        unsafe { ptr::write_bytes(from, value, left) };
    }

    /// Makes the lent bytes recognisably unwritten.
    pub(crate) fn fill_unwritten(&mut self, stale: u8) {
        // SAFETY: `length` bytes are allocated; `u8` has no invalid value, and
        // nothing reads before this writes.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.data(), self.length) };
        pattern::fill(bytes, stale);
    }

    /// Makes the lent bytes recognisably taken back.
    pub(crate) fn take_back(&mut self) {
        self.fill_from(0, FREED);
    }

    /// The first byte that was changed since [`Guarded::take_back`].
    pub(crate) fn changed_since_taken_back(&self) -> Option<usize> {
        let bytes = self.bytes();
        // Nearly always nothing, which is seen faster in larger pieces.
        let (pieces, rest) = bytes.as_chunks::<GUARD>();
        if pieces.iter().all(|piece| *piece == [FREED; GUARD]) && rest.iter().all(|&byte| byte == FREED) {
            return None;
        }
        bytes.iter().position(|&byte| byte != FREED)
    }

    /// The first guard byte that was changed, as an offset from the lent bytes:
    /// negative in front of them, from the length on behind them.
    pub(crate) fn damage(&self) -> Option<isize> {
        // SAFETY: the front guard was written by `lend`.
        let front = unsafe { self.base.cast::<[u8; GUARD]>().as_ref() };
        // SAFETY: the end of the lent bytes lies inside the allocation.
        let end = unsafe { self.data().add(self.length) };
        // SAFETY: the guard behind was written by `lend`.
        let back = unsafe { &*end.cast::<[u8; GUARD]>() };
        if *front == GUARD_BYTES && *back == GUARD_BYTES {
            return None;
        }
        let changed = |guard: &[u8; GUARD]| guard.iter().position(|&byte| byte != GUARD_BYTE);
        let behind = changed(back).map(|at| self.length.cast_signed() + at.cast_signed());
        let before = changed(front).map(|at| at.cast_signed() - GUARD.cast_signed());
        before.or(behind)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout.
        unsafe { alloc::dealloc(self.base.as_ptr(), Self::layout(self.capacity)) };
    }
}

#[cfg(test)]
mod tests {
    use super::Guarded;

    #[test]
    fn a_changed_guard_is_found_on_either_side() {
        let mut block = Guarded::new(64);
        block.lend(20);
        block.fill_from(0, 0);
        assert_eq!(block.damage(), None);
        for (offset, found) in [(20_isize, 20_isize), (51, 51), (-1, -1), (-32, -32)] {
            let mut block = Guarded::new(64);
            block.lend(20);
            // SAFETY: inside the allocation.
            let at = unsafe { block.data().offset(offset) };
            // SAFETY: inside the allocation.
            unsafe { at.write(0) };
            assert_eq!(block.damage(), Some(found));
        }
    }

    #[test]
    fn a_write_after_taking_back_is_found() {
        let mut block = Guarded::new(64);
        block.lend(20);
        block.take_back();
        assert_eq!(block.changed_since_taken_back(), None);
        block.write(7, &[1]);
        assert_eq!(block.changed_since_taken_back(), Some(7));
    }
}
