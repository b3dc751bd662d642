//! What a create request says of who opens: `IO_SECURITY_CONTEXT`.

use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::engine::cpu::Cpu;
use crate::native::engine::guarded::Guarded;
use crate::native::engine::stop::Outcome;
use crate::native::running::context::Context;
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

/// The memory that the I/O manager keeps as long as the create request is in
/// progress, and no longer.
#[derive(Debug)]
pub(crate) struct SecurityContext {
    memory: Guarded,
    withdrawn: Cell<bool>,
}

impl SecurityContext {
    /// Of an open with this access, and with what the caller says of a server.
    pub(crate) fn new(cpu: &Cpu, desired: u32, quality: Option<SecurityQos>) -> Self {
        let again = cpu.security.take();
        let mut context = again.unwrap_or_else(|| Self {
            memory: Guarded::new(offsets::SIZE + offsets::QUALITY_SIZE),
            withdrawn: Cell::new(false),
        });
        context.restore();
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
        let state = object_address::address(Kind::AccessState, cpu.serial());
        memory.write(offsets::ACCESS_STATE, &state.to_le_bytes());
        memory.write(offsets::DESIRED, &desired.to_le_bytes());
        memory.write(offsets::OPTIONS, &0_u32.to_le_bytes());
        context
    }

    /// Its address; null when it is no longer there.
    pub(crate) fn address(&self) -> u64 {
        if self.withdrawn.get() { 0 } else { self.memory.address() }
    }

    /// The fault of a driver that wrote around it.
    pub(crate) fn check(&self, cx: &Context<'_>) -> Outcome<()> {
        let damage = if self.withdrawn.get() { None } else { self.memory.damage() };
        match damage {
            None => Ok(()),
            Some(offset) => Err(cx.fault(
                FaultKind::BufferOverrun,
                format_args!("finds that the driver wrote at offset {offset} of the IO_SECURITY_CONTEXT"),
            )),
        }
    }

    /// The request is completed: nobody may read it any more.
    pub(crate) fn withdraw(&self) {
        if !self.withdrawn.replace(true) {
            self.memory.set_accessible(false);
        }
    }

    fn restore(&self) {
        if self.withdrawn.replace(false) {
            self.memory.set_accessible(true);
        }
    }

    /// What an address in it, or near it, is in words.
    pub(crate) fn describe(&self, address: u64) -> Option<String> {
        let ended = if self.withdrawn.get() { " that is completed" } else { "" };
        Some(format!("{} the IO_SECURITY_CONTEXT of a create request{ended}", self.memory.describe(address)?))
    }
}

impl Drop for SecurityContext {
    fn drop(&mut self) {
        // The pages are used again by whoever needs some.
        self.restore();
    }
}
