//! The name of a file object.

use super::typed_context::Destroyed;
use crate::native::engine::address::Address;
use crate::native::engine::guarded::{Guarded, NoBlock};
use std::sync::{Arc, OnceLock};

/// The part of the opened path after the device's name, copied into memory for
/// the driver on first use.
#[derive(Debug)]
pub(crate) struct FileName {
    units: Vec<u16>,
    memory: OnceLock<Arc<Guarded>>,
}

impl FileName {
    const HEADER: usize = 16;

    /// A name; none when it is too long for a `UNICODE_STRING`.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let units: Vec<u16> = name.encode_utf16().collect();
        (units.len() <= usize::from(u16::MAX / 2)).then(|| Self { units, memory: OnceLock::new() })
    }

    /// The address of the `UNICODE_STRING`.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn address(&self) -> Result<Address, NoBlock> {
        if let Some(memory) = self.memory.get() {
            return Ok(Address(memory.address()));
        }
        let made = Arc::new(self.lay_out()?);
        Ok(Address(self.memory.get_or_init(|| made).address()))
    }

    fn lay_out(&self) -> Result<Guarded, NoBlock> {
        let characters: Vec<u8> = self.units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let memory = Guarded::zeroed(Self::HEADER + characters.len())?;
        let [low, high, ..] = characters.len().to_le_bytes();
        if !characters.is_empty() {
            memory.write(0, &[low, high, low, high]);
            memory.write(8, &(memory.address() + Self::HEADER as u64).to_le_bytes());
            memory.write(Self::HEADER, &characters);
        }
        Ok(memory)
    }

    /// Takes the memory, for checks after the file object with this handle was
    /// destroyed.
    pub(crate) fn destroyed(&self, handle: u64) -> Option<Destroyed> {
        Some(Destroyed { memory: self.memory.get()?.clone(), what: "name", handle, caller: 0 })
    }
}
