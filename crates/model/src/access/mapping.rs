//! Generic mappings.

use crate::rights::{self, GENERIC_ALL, GENERIC_EXECUTE, GENERIC_READ, GENERIC_WRITE};

/// `GENERIC_MAPPING`: what generic rights mean for a type of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenericMapping {
    /// `GENERIC_READ`.
    pub read: u32,
    /// `GENERIC_WRITE`.
    pub write: u32,
    /// `GENERIC_EXECUTE`.
    pub execute: u32,
    /// `GENERIC_ALL`.
    pub all: u32,
}

impl GenericMapping {
    /// Of files and devices.
    pub const FILE: Self =
        Self { read: 0x0012_0089, write: 0x0012_0116, execute: 0x0012_00A0, all: 0x001F_01FF };
    /// Of registry keys.
    pub const KEY: Self =
        Self { read: 0x0002_0019, write: 0x0002_0006, execute: 0x0002_0019, all: 0x000F_003F };
    /// Of events.
    pub const EVENT: Self =
        Self { read: 0x0002_0001, write: 0x0002_0002, execute: 0x0012_0000, all: 0x001F_0003 };
    /// Of threads, since Windows Vista.
    pub const THREAD: Self =
        Self { read: 0x0002_0048, write: 0x0002_0037, execute: 0x0012_1800, all: 0x001F_FFFF };
    /// Of processes, since Windows Vista.
    pub const PROCESS: Self =
        Self { read: 0x0002_0410, write: 0x0002_0BEA, execute: 0x0012_1001, all: 0x001F_FFFF };
    /// Of tokens.
    pub const TOKEN: Self =
        Self { read: 0x0002_0008, write: 0x0002_00E0, execute: 0x0002_0000, all: 0x000F_01FF };

    /// The four generic bits.
    pub const GENERIC: u32 = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL;

    /// `RtlMapGenericMask`.
    pub const fn map(&self, mask: u32) -> u32 {
        let mut mapped = mask & !Self::GENERIC;
        if mask & GENERIC_READ != 0 {
            mapped |= self.read;
        }
        if mask & GENERIC_WRITE != 0 {
            mapped |= self.write;
        }
        if mask & GENERIC_EXECUTE != 0 {
            mapped |= self.execute;
        }
        if mask & GENERIC_ALL != 0 {
            mapped |= self.all;
        }
        mapped
    }

    /// The rights that change the object: those that only generic write maps
    /// to, and the standard rights that write.
    pub(crate) const fn writes(&self) -> u32 {
        (self.write & !(self.read | self.execute)) | rights::DELETE | rights::WRITE_DAC | rights::WRITE_OWNER
    }
}
