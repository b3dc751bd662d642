//! What a driver can read of a create request, as long as that is in progress: the part of the
//! `FILE_OBJECT` that says what it is relative to, and the caller's access and quality of service.

use crate::native::engine::guarded::{Access, Guarded, NoBlock};
use psimp_model::SecurityQos;
use std::cell::Cell;

/// `Parameters.Create.Options`: the disposition `FILE_OPEN` in the top byte, and
/// no options below.
pub(crate) const OPTIONS: u64 = 1 << 24;

/// Of members that are not modelled: as a pointer, an address that cannot exist.
const NOT_MODELLED: u8 = 0xCC;

/// Offsets of the structures in the memory, and of their members. Nothing follows the `FILE_OBJECT`: a driver that
/// reads members behind those that it has finds no other structure.
mod offsets {
    /// `IO_SECURITY_CONTEXT`.
    pub(crate) const CONTEXT: usize = 0;
    pub(crate) const QUALITY: usize = CONTEXT;
    pub(crate) const ACCESS_STATE: usize = CONTEXT + 8;
    pub(crate) const DESIRED: usize = CONTEXT + 16;
    pub(crate) const CREATE_OPTIONS: usize = CONTEXT + 20;

    /// `SECURITY_QUALITY_OF_SERVICE`.
    pub(crate) const SERVICE: usize = CONTEXT + 24;
    const SERVICE_SIZE: usize = super::LENGTH as usize;

    /// `FILE_OBJECT`.
    pub(crate) const FILE_OBJECT: usize = (SERVICE + SERVICE_SIZE).next_multiple_of(16);
    pub(crate) const RELATED_FILE_OBJECT: usize = FILE_OBJECT + 64;
    pub(crate) const END: usize = FILE_OBJECT + 216;
}

/// `SECURITY_QUALITY_OF_SERVICE.Length`.
const LENGTH: u32 = 12;

/// The caller's side of a create request.
pub(crate) struct Opening {
    /// The address of its `ACCESS_STATE`.
    pub(crate) access_state: u64,
    /// `FileObject->RelatedFileObject`.
    pub(crate) related: u64,
    pub(crate) desired: u32,
    pub(crate) quality: Option<SecurityQos>,
}

/// The memory, which the driver only reads, and the I/O manager keeps only while the create request is
/// in progress.
#[derive(Debug)]
pub(crate) struct CreateMemory {
    memory: Guarded,
    withdrawn: Cell<bool>,
}

impl CreateMemory {
    /// The memory for an open; that of an earlier one, if there is one.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn new(again: Option<Self>, opening: &Opening) -> Result<Self, NoBlock> {
        let again = again.filter(|again| again.memory.set_access(Access::Write));
        let mut this = match again {
            Some(this) => this,
            None => Self { memory: Guarded::new(offsets::END)?, withdrawn: Cell::default() },
        };
        let Opening { access_state, related, desired, quality } = *opening;
        let memory = &mut this.memory;
        memory.lend(offsets::END);
        memory.fill_from(0, NOT_MODELLED);
        memory.write(offsets::RELATED_FILE_OBJECT, &related.to_le_bytes());
        let mut service = 0;
        if let Some(SecurityQos { level, tracking, effective_only }) = quality {
            service = memory.address() + offsets::SERVICE as u64;
            memory.write(offsets::SERVICE, &LENGTH.to_le_bytes());
            memory.write(offsets::SERVICE + 4, &level.to_le_bytes());
            memory.write(offsets::SERVICE + 8, &[tracking, u8::from(effective_only), 0, 0]);
        }
        memory.write(offsets::QUALITY, &service.to_le_bytes());
        memory.write(offsets::ACCESS_STATE, &access_state.to_le_bytes());
        memory.write(offsets::DESIRED, &desired.to_le_bytes());
        memory.write(offsets::CREATE_OPTIONS, &0_u32.to_le_bytes());
        this.withdrawn.set(false);
        if this.memory.set_access(Access::Read) { Ok(this) } else { Err(NoBlock) }
    }

    /// The address of the `FILE_OBJECT`.
    pub(crate) fn file_object(&self) -> u64 {
        self.memory.address() + offsets::FILE_OBJECT as u64
    }

    /// The address of the `IO_SECURITY_CONTEXT`.
    pub(crate) fn security_context(&self) -> u64 {
        self.memory.address() + offsets::CONTEXT as u64
    }

    /// Makes it inaccessible, because the request is completed; returns whether that succeeded.
    #[must_use]
    pub(crate) fn withdraw(&self) -> bool {
        self.withdrawn.set(self.memory.set_access(Access::None));
        self.withdrawn.get()
    }

    /// A description of an address in or near it.
    pub(crate) fn describe(&self, address: u64) -> Option<String> {
        let near = self.memory.describe(address)?;
        let (context, file) = (self.security_context(), self.file_object());
        let place = match address {
            _ if address >= file => format!("byte {} of the FILE_OBJECT", address - file),
            _ if address < context => format!("{near} the IO_SECURITY_CONTEXT"),
            _ => format!("byte {} of the IO_SECURITY_CONTEXT", address - context),
        };
        let ended = if self.withdrawn.get() { " that is completed" } else { "" };
        Some(format!("{place} of a create request{ended}"))
    }
}

impl Drop for CreateMemory {
    fn drop(&mut self) {
        // The pages are reused, if the system allows it.
        self.memory.set_access(Access::Write);
    }
}
