//! The caller's access and quality of service in a create request: `IO_SECURITY_CONTEXT`.

use crate::native::engine::guarded::{Guarded, NoBlock};
use psimp_model::SecurityQos;
use std::cell::Cell;

/// `Parameters.Create.Options`: the disposition `FILE_OPEN` in the top byte, and
/// no options below.
pub(crate) const OPTIONS: u64 = 1 << 24;

/// `SECURITY_QUALITY_OF_SERVICE.Length`.
const LENGTH: u32 = 12;

/// Offsets in the block that the driver gets: the structure, and the quality of
/// service behind it.
mod offsets {
    pub(crate) const QUALITY: usize = 0;
    pub(crate) const ACCESS_STATE: usize = 8;
    pub(crate) const DESIRED: usize = 16;
    pub(crate) const OPTIONS: usize = 20;
    pub(crate) const SIZE: usize = 24;
    pub(crate) const QUALITY_SIZE: usize = 12;
}

/// The memory that the I/O manager keeps only while the create request is in progress.
#[derive(Debug)]
pub(crate) struct SecurityContext {
    memory: Guarded,
    withdrawn: Cell<bool>,
}

impl SecurityContext {
    /// The context of an open with this access and the caller's quality of service; in the memory
    /// of an earlier one, if there is one. `access_state` is the address of its `ACCESS_STATE`.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn new(
        again: Option<Self>,
        access_state: u64,
        desired: u32,
        quality: Option<SecurityQos>,
    ) -> Result<Self, NoBlock> {
        let again = again.filter(Self::restore);
        let mut context = match again {
            Some(context) => context,
            None => Self {
                memory: Guarded::new(offsets::SIZE + offsets::QUALITY_SIZE)?,
                withdrawn: Cell::new(false),
            },
        };
        let memory = &mut context.memory;
        memory.lend(offsets::SIZE + if quality.is_some() { offsets::QUALITY_SIZE } else { 0 });
        memory.fill_from(0, 0);
        if let Some(SecurityQos { level, tracking, effective_only }) = quality {
            let at = memory.address() + offsets::SIZE as u64;
            memory.write(offsets::QUALITY, &at.to_le_bytes());
            memory.write(offsets::SIZE, &LENGTH.to_le_bytes());
            memory.write(offsets::SIZE + 4, &level.to_le_bytes());
            memory.write(offsets::SIZE + 8, &[tracking, u8::from(effective_only)]);
        }
        memory.write(offsets::ACCESS_STATE, &access_state.to_le_bytes());
        memory.write(offsets::DESIRED, &desired.to_le_bytes());
        memory.write(offsets::OPTIONS, &0_u32.to_le_bytes());
        Ok(context)
    }

    /// Its address; null when it is no longer valid.
    pub(crate) fn address(&self) -> u64 {
        if self.withdrawn.get() { 0 } else { self.memory.address() }
    }

    /// The first changed byte next to it.
    pub(crate) fn damage(&self) -> Option<isize> {
        if self.withdrawn.get() { None } else { self.memory.damage() }
    }

    /// Makes it inaccessible, because the request is completed; returns whether that succeeded.
    #[must_use]
    pub(crate) fn withdraw(&self) -> bool {
        if !self.withdrawn.get() {
            self.withdrawn.set(self.memory.set_accessible(false));
        }
        self.withdrawn.get()
    }

    /// Makes it accessible again; returns whether that succeeded.
    fn restore(&self) -> bool {
        if self.withdrawn.get() {
            self.withdrawn.set(!self.memory.set_accessible(true));
        }
        !self.withdrawn.get()
    }

    /// A description of an address in or near it.
    pub(crate) fn describe(&self, address: u64) -> Option<String> {
        let ended = if self.withdrawn.get() { " that is completed" } else { "" };
        Some(format!("{} the IO_SECURITY_CONTEXT of a create request{ended}", self.memory.describe(address)?))
    }
}

impl Drop for SecurityContext {
    fn drop(&mut self) {
        // The pages are reused, if the system allows it.
        self.restore();
    }
}
