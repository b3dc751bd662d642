//! The stack that a driver runs on, and the functions of the host for it.

#![allow(unsafe_code)] // writes where the driver's frames will be

use super::region::Region;

/// Between two pages that nothing may touch.
#[derive(Debug)]
pub(crate) struct Stack(Region);

/// Which end of the stack a driver went beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// It ran out of stack.
    Bottom,
    /// It wrote over everything that was on it.
    Top,
}

impl Stack {
    /// More than the kernel's 24 KB, because the host's functions are on it too.
    const SIZE: usize = 1 << 20;

    /// # Panics
    /// When there is no memory.
    pub(crate) fn new() -> Self {
        Self(Region::new(Self::SIZE).unwrap_or_else(|error| panic!("no stack for a driver: {error}")))
    }

    /// The address above the first byte to be used.
    pub(crate) fn top(&self) -> u64 {
        self.0.address() + self.0.size() as u64
    }

    /// Leaves this byte where the driver's frames will be.
    ///
    /// # Safety
    /// The thread is not in the driver.
    pub(crate) unsafe fn fill(&self, stale: u8) {
        const DEEPER_THAN_A_DRIVER_GOES: usize = 0x4000;
        // SAFETY: only the thread's own driver uses the stack, and is not running.
        unsafe { self.0.fill_end(DEEPER_THAN_A_DRIVER_GOES, stale) };
    }

    /// Whether an address that could not be reached lies just outside.
    pub(crate) fn beyond(&self, address: u64) -> Option<Beyond> {
        let (inside, around) = (self.0.offset_of(address).is_some(), self.0.surrounds(address));
        match around && !inside {
            true if address < self.top() => Some(Beyond::Bottom),
            true => Some(Beyond::Top),
            false => None,
        }
    }
}
