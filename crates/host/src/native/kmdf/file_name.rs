//! The name of a file object.

use super::attributes::Destroyed;
use super::file::FileObject;
use crate::native::engine::export::exports;
use crate::native::engine::guarded::Guarded;
use crate::native::engine::stop::Outcome;
use crate::native::running::context::Context;
use crate::native::running::machine::Machine;
use crate::native::running::memory::Address;
use std::sync::{Arc, OnceLock};

/// What follows the device's name in the path that was opened, in memory for the
/// driver as soon as it asks.
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

    /// Where the `UNICODE_STRING` is.
    fn address(&self) -> Address {
        let memory = self.memory.get_or_init(|| {
            let characters: Vec<u8> = self.units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let memory = Guarded::zeroed(Self::HEADER + characters.len());
            if let [low, high, ..] = characters.len().to_le_bytes()
                && !characters.is_empty()
            {
                memory.write(0, &[low, high, low, high]);
                memory.write(8, &(memory.address() + Self::HEADER as u64).to_le_bytes());
                memory.write(Self::HEADER, &characters);
            }
            Arc::new(memory)
        });
        Address(memory.address())
    }

    /// The file object with this handle is gone.
    pub(crate) fn destroy(&self, machine: &Machine, handle: u64) -> Outcome<()> {
        let Some(memory) = self.memory.get() else { return Ok(()) };
        Destroyed { memory: memory.clone(), what: "name", handle, caller: 0 }.take_away(machine)
    }
}

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    fn WdfFileObjectGetFileName[PASSIVE, fails NEVER](cx, globals: Address, file: Address) -> Address {
        let framework = cx.framework(globals)?;
        if let Some(file) = current(cx, file) {
            return Ok(file.name().address());
        }
        let file = framework.file(file.0).ok_or_else(|| cx.bad_handle(file, "WDFFILEOBJECT"))?;
        Ok(file.name().address())
    }
}

/// The file object of the current request, if it is that.
fn current<'a>(cx: &Context<'a>, handle: Address) -> Option<&'a Arc<FileObject>> {
    cx.dispatch.file.filter(|file| handle.non_null().is_some() && file.handle() == handle.0)
}
