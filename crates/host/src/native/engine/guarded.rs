//! Memory that is lent to the driver, between guard bytes and on pages of its
//! own.
//!
//! The lent bytes lie at the end of their pages: whoever goes on writing behind
//! them gets to a page that nothing may touch, not into memory of the host.
#![allow(unsafe_code)] // raw memory that foreign code writes through its own pointers

use super::pattern;
use super::region::Region;
use crate::image::{PAGE, Protection};
use parking_lot::Mutex;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

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
///
/// `&self` reads and writes the memory only while the driver, which runs on one
/// thread with a given block at a time, waits for the host.
#[derive(Debug)]
pub(crate) struct Guarded {
    pages: ManuallyDrop<Region>,
    length: usize,
}

/// Blocks that exist. The system gives a process some 65 000 mappings, and each
/// block takes two.
static BLOCKS: AtomicUsize = AtomicUsize::new(0);
const MOST_BLOCKS: usize = 28_000;

/// Single pages to use again: most blocks are no longer.
static IDLE: Mutex<Vec<Region>> = Mutex::new(Vec::new());
const MOST_IDLE: usize = 256;

impl Guarded {
    /// A block that can be lent for `capacity` bytes or fewer.
    ///
    /// # Panics
    /// When there is no memory, or there are too many blocks.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::try_new(capacity).unwrap_or_else(|| panic!("there is no memory for {capacity} bytes"))
    }

    /// As [`Guarded::new`]; none when there is no memory, or there are too many
    /// blocks.
    pub(crate) fn try_new(capacity: usize) -> Option<Self> {
        let size = capacity.checked_add(2 * GUARD)?.checked_next_multiple_of(PAGE as usize)?;
        if BLOCKS.fetch_add(1, Ordering::Relaxed) < MOST_BLOCKS {
            let idle = if size == PAGE as usize { IDLE.lock().pop() } else { None };
            if let Some(pages) = idle.or_else(|| Region::new(size).ok()) {
                return Some(Self { pages: ManuallyDrop::new(pages), length: 0 });
            }
        }
        BLOCKS.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// A block of zeros.
    pub(crate) fn zeroed(length: usize) -> Self {
        let mut block = Self::new(length);
        block.lend(length);
        block.fill_from(0, 0);
        block
    }

    /// Sets the length and lays the guards around it.
    pub(crate) fn lend(&mut self, length: usize) {
        self.length = length.min(self.capacity());
        // SAFETY: the capacity leaves room for a guard in front.
        let front = unsafe { self.data().sub(GUARD) };
        // SAFETY: the front guard lies inside the pages.
        unsafe { ptr::write_bytes(front, GUARD_BYTE, GUARD) };
        // SAFETY: the end of the lent bytes lies inside the pages.
        let end = unsafe { self.data().add(self.length) };
        // SAFETY: `data` leaves room for another guard behind the length.
        unsafe { ptr::write_bytes(end, GUARD_BYTE, GUARD) };
    }

    /// How many bytes the block can be lent for.
    pub(crate) fn capacity(&self) -> usize {
        self.pages.size() - 2 * GUARD
    }

    /// How many bytes are lent.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Start of the lent bytes, as near to the end of the pages as the guard and
    /// the alignment of pool let them be.
    pub(crate) fn data(&self) -> *mut u8 {
        let pages = &self.pages;
        let offset = pages.size() - GUARD - self.length.next_multiple_of(16);
        // SAFETY: the length is at most the capacity, which leaves room for both
        // guards: the pages and the guards are multiples of 16.
        unsafe { pages.start().add(offset) }
    }

    /// Where an address on the block's pages, or on those around them that
    /// nothing may touch, lies in words.
    pub(crate) fn describe(&self, address: u64) -> Option<String> {
        let (start, end) = (self.address(), self.address() + self.length as u64);
        if !self.pages.surrounds(address) {
            return None;
        }
        Some(match address {
            _ if address < start => format!("{} bytes in front of", start - address),
            _ if address >= end => format!("{} bytes behind the end of", address - end),
            _ => format!("byte {} of", address - start),
        })
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
    pub(crate) fn fill_from(&self, start: usize, value: u8) {
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

    /// Lets nobody read or write the pages, or everybody again.
    ///
    /// # Panics
    /// When the system refuses.
    pub(crate) fn set_accessible(&self, accessible: bool) {
        let protection = Protection { read: accessible, write: accessible, execute: false };
        let done = self.pages.protect(0..self.pages.size(), protection);
        done.unwrap_or_else(|error| panic!("the protection of lent memory cannot be changed: {error}"));
    }

    /// Makes the lent bytes recognisably taken back.
    pub(crate) fn take_back(&self) {
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
        // SAFETY: the front guard lies inside the pages.
        let front = unsafe { self.data().sub(GUARD) };
        // SAFETY: the front guard was written by `lend`.
        let front = unsafe { &*front.cast::<[u8; GUARD]>() };
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
        BLOCKS.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the value goes, and nothing uses the pages after this.
        let pages = unsafe { ManuallyDrop::take(&mut self.pages) };
        let mut idle = IDLE.lock();
        if pages.size() == PAGE as usize && idle.len() < MOST_IDLE {
            idle.push(pages);
        }
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
            // SAFETY: inside the pages.
            let at = unsafe { block.data().offset(offset) };
            // SAFETY: inside the pages.
            unsafe { at.write(0) };
            assert_eq!(block.damage(), Some(found));
        }
    }

    #[test]
    fn a_block_ends_where_its_pages_end() {
        for length in [0, 1, 15, 16, 64, 4032, 4033, 10_000] {
            let mut block = Guarded::new(length);
            block.lend(length);
            assert_eq!(block.length(), length);
            assert_eq!(block.address() % 16, 0);
            let end = block.pages.address() + block.pages.size() as u64;
            let behind = end - (block.address() + length as u64);
            assert!((32..48).contains(&behind), "{behind} bytes behind {length}");
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
