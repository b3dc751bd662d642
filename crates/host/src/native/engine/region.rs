//! Address space from the operating system.
#![allow(unsafe_code)] // mmap, mprotect and writes into what they gave

use crate::LoadError;
use crate::image::{PAGE, Protection};
use std::io;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::slice;

/// A range of pages, with a page on either side that nothing may touch.
#[derive(Debug)]
pub(crate) struct Region {
    base: NonNull<u8>,
    size: usize,
}

// SAFETY: the pages belong to the value and to no thread.
unsafe impl Send for Region {}
// SAFETY: `&self` gives out addresses only; who writes answers for it there.
unsafe impl Sync for Region {}

const GUARD: usize = PAGE as usize;

impl Region {
    /// Reserves pages that can be read and written until protected.
    pub(crate) fn new(size: usize) -> Result<Self, LoadError> {
        let size = size.next_multiple_of(GUARD);
        let total = size.checked_add(2 * GUARD).ok_or_else(|| map_error(libc::ENOMEM))?;
        // SAFETY: no address is given, so nothing that exists is replaced.
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
        region.protect(0..size, Protection { read: true, write: true, execute: false })?;
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

    /// Writes into pages that are still writable.
    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), LoadError> {
        let fits = offset.checked_add(bytes.len()).is_some_and(|end| end <= self.size);
        if !fits {
            return Err(map_error(libc::EFAULT));
        }
        // SAFETY: `offset` lies inside, as just checked.
        let to = unsafe { self.base.as_ptr().add(offset) };
        // SAFETY: the range lies inside, is writable as the caller says, and
        // `&mut self` keeps others out; `bytes` cannot lie in it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// Fills the last bytes of pages that are still writable.
    ///
    /// # Safety
    /// Nobody else reads or writes them meanwhile.
    pub(crate) unsafe fn fill_end(&self, length: usize, value: u8) {
        let length = length.min(self.size);
        // SAFETY: the offset lies inside.
        let from = unsafe { self.base.as_ptr().add(self.size - length) };
        // SAFETY: `length` bytes lie behind it; nobody else uses them, as the
        // caller says.
        unsafe { ptr::write_bytes(from, value, length) };
    }

    /// Reads from pages that are readable.
    pub(crate) fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        offset.checked_add(N).filter(|&end| end <= self.size)?;
        // SAFETY: `offset` lies inside, as just checked.
        let from = unsafe { self.base.as_ptr().add(offset) };
        // SAFETY: the range lies inside and is readable as the caller says.
        Some(unsafe { from.cast::<[u8; N]>().read() })
    }

    /// What lies in a range.
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

    /// Sets what may be done with some pages.
    pub(crate) fn protect(&self, pages: Range<usize>, protection: Protection) -> Result<(), LoadError> {
        if pages.start > pages.end || pages.end > self.size || !pages.start.is_multiple_of(GUARD) {
            return Err(map_error(libc::EFAULT));
        }
        let flag = |set, flag| if set { flag } else { libc::PROT_NONE };
        let flags = flag(protection.read, libc::PROT_READ)
            | flag(protection.write, libc::PROT_WRITE)
            | flag(protection.execute, libc::PROT_EXEC);
        // SAFETY: `start` lies inside, as just checked.
        let start = unsafe { self.base.as_ptr().add(pages.start) };
        // SAFETY: the pages are the region's own.
        let result = unsafe { libc::mprotect(start.cast(), pages.end - pages.start, flags) };
        if result == 0 { Ok(()) } else { Err(LoadError::Map(io::Error::last_os_error())) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: one guard page lies before the first page.
        let start = unsafe { self.base.as_ptr().sub(GUARD) };
        // SAFETY: the whole mapping is the region's; who runs code in it holds
        // a reference on its owner.
        unsafe { libc::munmap(start.cast(), self.size + 2 * GUARD) };
    }
}

fn map_error(code: i32) -> LoadError {
    LoadError::Map(io::Error::from_raw_os_error(code))
}
