//! Memory that is lent to the driver, between guard bytes and on pages of its own.
//!
//! The lent bytes are at the end of their pages: a driver that writes past them reaches an
//! inaccessible page, not memory of the host.
//!
//! The driver may read and write the memory at any time, also concurrently with the host on another
//! thread, or after it was taken back. The host therefore never holds a reference to it: it copies
//! in and out with the instructions of [`probe`], as the kernel does with shared memory.
#![allow(unsafe_code)] // memory that foreign code accesses through its own pointers

use super::region::Region;
use super::{pattern, probe};
use crate::LoadError;
use crate::image::{PAGE, Protection};
use parking_lot::Mutex;
use psimp_nt::Status;
use std::arch::asm;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes on either side of the lent memory.
const GUARD: usize = 32;
const GUARD_BYTE: u8 = 0xFD;
const GUARD_WORD: u64 = u64::from_ne_bytes([GUARD_BYTE; 8]);
const _: () = assert!(GUARD == 4 * size_of::<u64>());

/// The fill byte of memory that was taken back.
const FREED: u8 = 0xDD;

/// A block that the driver may use, between guard bytes that it must not write.
///
/// The length can be changed up to the capacity, so that blocks can be used again without asking
/// the system.
#[derive(Debug)]
pub(crate) struct Guarded {
    /// Readable and writable unless [`Guarded::set_access`] changed that. Only `probe`
    /// accesses them.
    pages: ManuallyDrop<Region>,
    length: usize,
}

/// What may be done with the pages of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    None,
    Read,
    /// Reading and writing.
    Write,
}

/// There is no memory for a block, or there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoBlock;

impl From<NoBlock> for LoadError {
    fn from(_: NoBlock) -> Self {
        Self::Map(std::io::ErrorKind::OutOfMemory.into())
    }
}

impl From<NoBlock> for Status {
    fn from(_: NoBlock) -> Self {
        Self::INSUFFICIENT_RESOURCES
    }
}

/// Number of blocks. The system gives a process some 65 000 mappings, and each block takes two.
static BLOCKS: AtomicUsize = AtomicUsize::new(0);
const MOST_BLOCKS: usize = 28_000;

/// Single pages for reuse: most blocks need no more.
static IDLE: Mutex<Vec<Region>> = Mutex::new(Vec::new());
const MOST_IDLE: usize = 256;

impl Guarded {
    /// A block that can be lent for up to `capacity` bytes.
    ///
    /// # Errors
    /// When there is no memory, or there are too many blocks.
    pub(crate) fn new(capacity: usize) -> Result<Self, NoBlock> {
        let size =
            capacity.checked_add(2 * GUARD).and_then(|size| size.checked_next_multiple_of(PAGE as usize));
        let size = size.ok_or(NoBlock)?;
        if BLOCKS.fetch_add(1, Ordering::Relaxed) < MOST_BLOCKS {
            let idle = if size == PAGE as usize { IDLE.lock().pop() } else { None };
            if let Some(pages) = idle.or_else(|| Region::new(size).ok()) {
                return Ok(Self { pages: ManuallyDrop::new(pages), length: 0 });
            }
        }
        BLOCKS.fetch_sub(1, Ordering::Relaxed);
        Err(NoBlock)
    }

    /// A block of zeros.
    ///
    /// # Errors
    /// As for [`Guarded::new`].
    pub(crate) fn zeroed(length: usize) -> Result<Self, NoBlock> {
        let mut block = Self::new(length)?;
        block.lend(length);
        block.fill_from(0, 0);
        Ok(block)
    }

    /// Sets the length and writes the guards around the bytes.
    pub(crate) fn lend(&mut self, length: usize) {
        self.length = length.min(self.capacity());
        self.write_guards();
    }

    /// How many bytes the block can be lent for.
    pub(crate) fn capacity(&self) -> usize {
        self.pages.size() - 2 * GUARD
    }

    /// How many bytes are lent.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The address that the driver gets: as near to the end of the pages as the guard and the
    /// alignment of pool allow. The length is at most the capacity, which leaves room for both
    /// guards: the pages and the guards are multiples of 16.
    pub(crate) fn address(&self) -> u64 {
        let offset = self.pages.size() - GUARD - self.length.next_multiple_of(16);
        self.pages.address() + offset as u64
    }

    /// The start of the front guard.
    fn front(&self) -> u64 {
        self.address() - GUARD as u64
    }

    /// The end of the lent bytes, where the guard behind them begins.
    fn end(&self) -> u64 {
        self.address() + self.length as u64
    }

    /// Where an address on the block's pages, or on those around them that nothing may touch, lies
    /// in words.
    pub(crate) fn describe(&self, address: u64) -> Option<String> {
        let (start, end) = (self.address(), self.end());
        if !self.pages.surrounds(address) {
            return None;
        }
        Some(match address {
            _ if address < start => format!("{} bytes in front of", start - address),
            _ if address >= end => format!("{} bytes behind the end of", address - end),
            _ => format!("byte {} of", address - start),
        })
    }

    /// Reads lent bytes from an offset on into `to`, as many as fit; returns the number.
    pub(crate) fn read(&self, offset: usize, to: &mut [u8]) -> usize {
        let length = self.length.saturating_sub(offset).min(to.len());
        match to.get_mut(..length).map(|to| probe::read(to, self.address() + offset as u64)) {
            Some(Ok(())) => length,
            _ => 0,
        }
    }

    /// Writes lent bytes, if the whole range is lent.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) {
        if offset.checked_add(bytes.len()).is_some_and(|end| end <= self.length) {
            let to = self.address() + offset as u64;
            // SAFETY: the range lies inside the block's pages, to which there is no reference.
            let written = unsafe { probe::copy(to, bytes.as_ptr() as u64, bytes.len()) };
            debug_assert_eq!(written, Ok(()), "lent memory is accessible");
        }
    }

    /// Eight of the lent bytes as a number.
    pub(crate) fn read_u64(&self, offset: usize) -> u64 {
        let mut bytes = [0; 8];
        self.read(offset, &mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Fills the lent bytes from `start` on with one value.
    pub(crate) fn fill_from(&self, start: usize, value: u8) {
        let start = start.min(self.length);
        self.fill(self.address() + start as u64, value, self.length - start);
    }

    /// Fills bytes inside the pages.
    fn fill(&self, from: u64, value: u8, length: usize) {
        debug_assert!(self.pages.offset_of(from).is_some_and(|offset| offset + length <= self.pages.size()));
        // SAFETY: the callers pass ranges inside the block's pages, to which there is no reference.
        let filled = unsafe { probe::fill(from, value, length) };
        debug_assert_eq!(filled, Ok(()), "lent memory is accessible");
    }

    /// Fills the lent bytes with the pattern of unwritten memory.
    pub(crate) fn fill_unwritten(&mut self, stale: u8) {
        pattern::pieces(self.length, stale, |offset, piece| self.write(offset, piece));
    }

    /// Changes what may be done with the pages; returns whether the system did so.
    pub(crate) fn set_access(&self, access: Access) -> bool {
        let (read, write) = (access != Access::None, access == Access::Write);
        let protection = Protection { read, write, execute: false };
        // SAFETY: there is no reference into the pages, and `probe` and the driver take faults.
        unsafe { self.pages.protect(0..self.pages.size(), protection) }.is_ok()
    }

    /// Fills the lent bytes with the pattern of memory that was taken back.
    pub(crate) fn take_back(&self) {
        self.fill_from(0, FREED);
    }

    /// The first byte that was changed since [`Guarded::take_back`].
    pub(crate) fn changed_since_taken_back(&self) -> Option<usize> {
        changed(self.address(), self.length, FREED)
    }

    /// Writes the guards. Inline, because every block that is lent gets them; otherwise as [`Self::fill`].
    fn write_guards(&self) {
        let write = |at: u64| {
            // SAFETY: a guard is in the block's pages, to which there is no reference, and which are
            // accessible when a block is lent.
            unsafe {
                asm!(
                    "mov [{at}], {word}",
                    "mov [{at} + 8], {word}",
                    "mov [{at} + 16], {word}",
                    "mov [{at} + 24], {word}",
                    at = in(reg) at,
                    word = in(reg) GUARD_WORD,
                    options(nostack, preserves_flags),
                );
            }
        };
        write(self.front());
        write(self.end());
    }

    /// Whether no guard byte was changed. Inline, as for [`Self::write_guards`].
    fn guards_are_intact(&self) -> bool {
        let intact = |at: u64| {
            let (first, second, third, fourth): (u64, u64, u64, u64);
            // SAFETY: a guard is in the block's pages, which are accessible while a block is lent; only
            // registers are written.
            unsafe {
                asm!(
                    "mov {first}, [{at}]",
                    "mov {second}, [{at} + 8]",
                    "mov {third}, [{at} + 16]",
                    "mov {fourth}, [{at} + 24]",
                    at = in(reg) at,
                    first = out(reg) first,
                    second = out(reg) second,
                    third = out(reg) third,
                    fourth = lateout(reg) fourth,
                    options(nostack, preserves_flags, readonly),
                );
            }
            // An array of them would be compared in memory.
            (first ^ GUARD_WORD) | (second ^ GUARD_WORD) | (third ^ GUARD_WORD) | (fourth ^ GUARD_WORD) == 0
        };
        intact(self.front()) && intact(self.end())
    }

    /// The first guard byte that was changed, as an offset from the lent bytes: negative in front
    /// of them, from the length on behind them.
    pub(crate) fn damage(&self) -> Option<isize> {
        if self.guards_are_intact() {
            return None;
        }
        let before =
            changed(self.front(), GUARD, GUARD_BYTE).map(|at| at.cast_signed() - GUARD.cast_signed());
        before.or_else(|| Some((changed(self.end(), GUARD, GUARD_BYTE)? + self.length).cast_signed()))
    }
}

/// Offset of the first byte that is not `value`.
fn changed(from: u64, length: usize, value: u8) -> Option<usize> {
    let same = probe::span(from, value, length);
    debug_assert!(same.is_ok(), "lent memory is accessible");
    same.ok().filter(|&same| same < length)
}

impl Drop for Guarded {
    fn drop(&mut self) {
        BLOCKS.fetch_sub(1, Ordering::Relaxed);
        // Pages that the system did not make writable again cannot be reused.
        // SAFETY: inside the block's pages, to which there is no reference.
        let writable = unsafe { probe::fill(self.front(), 0, 1) }.is_ok();
        // SAFETY: the value is being dropped, and nothing uses the pages after this.
        let pages = unsafe { ManuallyDrop::take(&mut self.pages) };
        let mut idle = IDLE.lock();
        if pages.size() == PAGE as usize && writable && idle.len() < MOST_IDLE {
            idle.push(pages);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Guarded;

    #[test]
    fn a_changed_guard_is_found_on_either_side() {
        let mut block = Guarded::new(64).expect("a block");
        block.lend(20);
        block.fill_from(0, 0);
        assert_eq!(block.damage(), None);
        for (offset, found) in [(20_isize, 20_isize), (51, 51), (-1, -1), (-32, -32)] {
            let mut block = Guarded::new(64).expect("a block");
            block.lend(20);
            // SAFETY: inside the pages.
            let at = unsafe { (block.address() as *mut u8).offset(offset) };
            // SAFETY: inside the pages.
            unsafe { at.write(0) };
            assert_eq!(block.damage(), Some(found));
        }
    }

    #[test]
    fn a_block_ends_where_its_pages_end() {
        for length in [0, 1, 15, 16, 64, 4032, 4033, 10_000] {
            let mut block = Guarded::new(length).expect("a block");
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
        let mut block = Guarded::new(64).expect("a block");
        block.lend(20);
        block.take_back();
        assert_eq!(block.changed_since_taken_back(), None);
        block.write(7, &[1]);
        assert_eq!(block.changed_since_taken_back(), Some(7));
    }
}
