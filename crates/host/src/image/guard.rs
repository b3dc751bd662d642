//! Control-flow guard: the load configuration of an image whose calls through pointers are checked.

use super::{Section, malformed};
use crate::LoadError;
use object::LittleEndian as LE;
use object::pe::{self, ImageNtHeaders64};
use object::read::pe::{DataDirectories, SectionTable};

/// What the loader does for the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), allow(dead_code))]
pub(crate) struct Guard {
    /// Offset of the pointer to the routine that checks a target.
    pub(crate) check: Option<u32>,
    /// Offset of the pointer to the routine that checks a target and jumps to it.
    pub(crate) dispatch: Option<u32>,
    /// Offsets of the functions that may be called through a pointer, in ascending order.
    pub(crate) functions: Vec<u32>,
}

/// Offsets in `IMAGE_LOAD_CONFIG_DIRECTORY64`.
mod offset {
    pub(super) const CHECK: usize = 0x70;
    pub(super) const DISPATCH: usize = 0x78;
    pub(super) const TABLE: usize = 0x80;
    pub(super) const COUNT: usize = 0x88;
    pub(super) const FLAGS: usize = 0x90;
}

/// None for an image without the guard: its calls are not checked.
pub(super) fn read(
    bytes: &[u8],
    nt: &ImageNtHeaders64,
    directories: &DataDirectories<'_>,
    table: &SectionTable<'_>,
    sections: &[Section],
) -> Result<Option<Guard>, LoadError> {
    let characteristics = nt.optional_header.dll_characteristics.get(LE);
    let directory = directories.get(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG);
    let Some(directory) = directory.filter(|_| characteristics & pe::IMAGE_DLLCHARACTERISTICS_GUARD_CF != 0)
    else {
        return Ok(None);
    };
    let config = table.pe_data_at(bytes, directory.virtual_address.get(LE)).unwrap_or_default();
    let number = |at: usize| {
        let field = config.get(at..).and_then(<[u8]>::first_chunk);
        field
            .map(|field| u64::from_le_bytes(*field))
            .ok_or_else(|| malformed("the load configuration is cut off"))
    };
    let flags = u32::try_from(number(offset::FLAGS)? & u64::from(u32::MAX)).unwrap_or(0);
    if flags & pe::IMAGE_GUARD_CF_INSTRUMENTED == 0 {
        return Ok(None);
    }
    let base = nt.optional_header.image_base.get(LE);
    let constant = |rva: u32, length: u32| {
        sections.iter().any(|section| section.is_constant() && section.holds(rva, length))
    };
    let rva = |address: u64| address.checked_sub(base).and_then(|rva| u32::try_from(rva).ok());
    let pointer = |at: usize| match number(at)? {
        0 => Ok(None),
        address => rva(address)
            .filter(|&rva| constant(rva, 8))
            .map(Some)
            .ok_or_else(|| malformed("a pointer of the guard is in no constant section")),
    };
    let (at, count) = (number(offset::TABLE)?, number(offset::COUNT)?);
    // An entry is an address, and as many more bytes as the flags say.
    let stride = 4 + (flags >> 28);
    let length = u32::try_from(count).ok().and_then(|count| count.checked_mul(stride));
    let place = rva(at).zip(length).filter(|&(at, length)| length == 0 || constant(at, length));
    let (at, length) = place.ok_or_else(|| malformed("the guard's table is in no constant section"))?;
    let entries = table.pe_data_at(bytes, at).and_then(|data| data.get(..length as usize));
    let entries = entries.or((length == 0).then_some(&[])).unwrap_or_default();
    let functions: Vec<u32> = entries
        .chunks_exact(stride as usize)
        .filter_map(|entry| entry.first_chunk())
        .map(|entry| u32::from_le_bytes(*entry))
        .collect();
    let code = |rva: u32| sections.iter().any(|section| section.protection.execute && section.holds(rva, 1));
    if functions.len() as u64 != count || !functions.is_sorted() || !functions.iter().all(|&rva| code(rva)) {
        return Err(malformed("the guard's table is cut off, not in order, or not of code"));
    }
    Ok(Some(Guard { check: pointer(offset::CHECK)?, dispatch: pointer(offset::DISPATCH)?, functions }))
}
