//! The stack that a driver runs on, and the functions of the host for it.

#![allow(unsafe_code)] // writes in the area of the driver's frames

use super::region::Region;

/// Between two inaccessible pages.
#[derive(Debug)]
pub(crate) struct Stack(Region);

/// The end of the stack that a driver overran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// It ran out of stack.
    Bottom,
    /// It overwrote everything on the stack.
    Top,
}

impl Stack {
    /// More than the kernel's 24 KB, because the host's functions run on it too.
    const SIZE: usize = 1 << 20;

    /// # Panics
    /// When there is no memory.
    pub(crate) fn new() -> Self {
        Self(Region::new(Self::SIZE).unwrap_or_else(|error| panic!("no stack for a driver: {error}")))
    }

    /// The address above the first usable byte.
    pub(crate) fn top(&self) -> u64 {
        self.0.address() + self.0.size() as u64
    }

    /// Fills the area of the driver's frames with this byte.
    ///
    /// # Safety
    /// The thread is not in the driver.
    pub(crate) unsafe fn fill(&self, stale: u8) {
        const DEEPER_THAN_A_DRIVER_GOES: usize = 0x4000;
        // SAFETY: only the thread's own driver uses the stack, and it is not
        // running.
        unsafe { self.0.fill_end(DEEPER_THAN_A_DRIVER_GOES, stale) };
    }

    /// Whether a faulting address is just outside the stack.
    pub(crate) fn beyond(&self, address: u64) -> Option<Beyond> {
        let (inside, around) = (self.0.offset_of(address).is_some(), self.0.surrounds(address));
        match around && !inside {
            true if address < self.top() => Some(Beyond::Bottom),
            true => Some(Beyond::Top),
            false => None,
        }
    }
}
