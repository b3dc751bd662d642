//! Address space from the operating system.
#![allow(unsafe_code)] // mmap, mprotect and writes into the pages

use crate::LoadError;
use crate::image::{PAGE, Protection};
use std::io;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::slice;

/// A range of pages, with an inaccessible page on either side.
#[derive(Debug)]
pub(crate) struct Region {
    base: NonNull<u8>,
    size: usize,
}

// SAFETY: the pages belong to the value and to no thread.
unsafe impl Send for Region {}
// SAFETY: the safe functions that take `&self` compute addresses and touch no page; the others are
// unsafe, and their callers keep accesses from different threads apart.
unsafe impl Sync for Region {}

const GUARD: usize = PAGE as usize;

impl Region {
    /// Reserves pages that can be read and written until [`Region::protect`] changes that.
    pub(crate) fn new(size: usize) -> Result<Self, LoadError> {
        let size = size.next_multiple_of(GUARD);
        let total = size.checked_add(2 * GUARD).ok_or_else(|| map_error(libc::ENOMEM))?;
        // SAFETY: no address is given, so no existing mapping is replaced.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                total,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(LoadError::Map(io::Error::last_os_error()));
        }
        // SAFETY: the mapping is longer than one page.
        let base = unsafe { start.cast::<u8>().add(GUARD) };
        let base = NonNull::new(base).ok_or_else(|| map_error(libc::ENOMEM))?;
        let region = Self { base, size };
        // SAFETY: the pages are not shared yet.
        unsafe { region.protect(0..size, Protection { read: true, write: true, execute: false }) }?;
        Ok(region)
    }

    /// Address of the first byte.
    pub(crate) fn address(&self) -> u64 {
        self.base.as_ptr() as u64
    }

    /// The first byte.
    pub(crate) fn start(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Whether an address lies inside, or on one of the pages around.
    pub(crate) fn surrounds(&self, address: u64) -> bool {
        let first = self.address() - GUARD as u64;
        (first..self.address() + (self.size + GUARD) as u64).contains(&address)
    }

    /// Length in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Offset of an address inside.
    pub(crate) fn offset_of(&self, address: u64) -> Option<usize> {
        let offset = usize::try_from(address.checked_sub(self.address())?).ok()?;
        (offset < self.size).then_some(offset)
    }

    /// Fills the last bytes.
    ///
    /// # Safety
    /// The pages are writable, and no other code reads or writes them during the call.
    pub(crate) unsafe fn fill_end(&self, length: usize, value: u8) {
        let length = length.min(self.size);
        // SAFETY: the offset lies inside.
        let from = unsafe { self.base.as_ptr().add(self.size - length) };
        // SAFETY: `length` bytes lie behind it; the rest is the caller's promise.
        unsafe { ptr::write_bytes(from, value, length) };
    }

    /// The bytes in a range.
    ///
    /// # Safety
    /// The pages can be read, and are not written, as long as the result lives.
    pub(crate) unsafe fn bytes(&self, range: Range<usize>) -> Option<&[u8]> {
        let length = range.end.checked_sub(range.start)?;
        if range.end > self.size {
            return None;
        }
        // SAFETY: `start` lies inside, as just checked.
        let from = unsafe { self.base.as_ptr().add(range.start) };
        // SAFETY: the range lies inside; the rest is the caller's promise.
        Some(unsafe { slice::from_raw_parts(from, length) })
    }

    /// Sets the allowed accesses to some pages.
    ///
    /// # Safety
    /// No reference into the pages is alive, and no code accesses them in a way that is no longer
    /// allowed and cannot handle the processor's fault.
    pub(crate) unsafe fn protect(
        &self,
        pages: Range<usize>,
        protection: Protection,
    ) -> Result<(), LoadError> {
        if pages.start > pages.end || pages.end > self.size || !pages.start.is_multiple_of(GUARD) {
            return Err(map_error(libc::EFAULT));
        }
        let flag = |set, flag| if set { flag } else { libc::PROT_NONE };
        let flags = flag(protection.read, libc::PROT_READ)
            | flag(protection.write, libc::PROT_WRITE)
            | flag(protection.execute, libc::PROT_EXEC);
        // SAFETY: `start` lies inside, as just checked.
        let start = unsafe { self.base.as_ptr().add(pages.start) };
        // SAFETY: the pages are the region's own; the rest is the caller's promise.
        let result = unsafe { libc::mprotect(start.cast(), pages.end - pages.start, flags) };
        if result == 0 { Ok(()) } else { Err(LoadError::Map(io::Error::last_os_error())) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: one guard page lies before the first page.
        let start = unsafe { self.base.as_ptr().sub(GUARD) };
        // SAFETY: the whole mapping is the region's; code that runs in it holds a reference on its
        // owner.
        unsafe { libc::munmap(start.cast(), self.size + 2 * GUARD) };
    }
}

/// A region that is not shared yet: it can be written until it is finished.
#[derive(Debug)]
pub(crate) struct Draft(Region);

impl Draft {
    /// Reserves pages of zeros.
    pub(crate) fn new(size: usize) -> Result<Self, LoadError> {
        Region::new(size).map(Self)
    }

    /// Address of the first byte.
    pub(crate) fn address(&self) -> u64 {
        self.0.address()
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the pages are mapped, can be read and written since `Region::new`, and belong to
        // this value alone.
        unsafe { slice::from_raw_parts_mut(self.0.start(), self.0.size()) }
    }

    /// Writes at an offset.
    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), LoadError> {
        let to = self.bytes().get_mut(offset..).and_then(|rest| rest.get_mut(..bytes.len()));
        to.ok_or_else(|| map_error(libc::EFAULT))?.copy_from_slice(bytes);
        Ok(())
    }

    /// Eight bytes at an offset, as a number; zero outside.
    pub(crate) fn read_u64(&mut self, offset: usize) -> u64 {
        let bytes = self.bytes().get(offset..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Ends the writing: sets the protection of each range of pages, in this order.
    pub(crate) fn finish(
        self,
        protections: impl IntoIterator<Item = (Range<usize>, Protection)>,
    ) -> Result<Region, LoadError> {
        for (pages, protection) in protections {
            // SAFETY: the pages are not shared yet, and `bytes` lends them for one call only.
            unsafe { self.0.protect(pages, protection) }?;
        }
        Ok(self.0)
    }
}

fn map_error(code: i32) -> LoadError {
    LoadError::Map(io::Error::from_raw_os_error(code))
}
