//! Control-flow guard: the load configuration of an image whose calls through pointers are checked.

use super::{Section, malformed, unsuitable};
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
    pub(super) const SIZE: usize = 0;
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
    let size = u32::from_le_bytes(*field(config, offset::SIZE)?);
    // What lies behind it is no part of the structure.
    let config = config.get(..size as usize).unwrap_or(config);
    let flags = u32::from_le_bytes(*field(config, offset::FLAGS)?);
    if flags & pe::IMAGE_GUARD_CF_INSTRUMENTED == 0 {
        return Ok(None);
    }
    if flags & pe::IMAGE_GUARD_CF_FUNCTION_TABLE_SIZE_MASK != 0 {
        return Err(unsuitable("the guard's table has more than addresses, which is not modelled"));
    }
    let number = |at| field(config, at).map(|field| u64::from_le_bytes(*field));
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
    let length = u32::try_from(count).ok().and_then(|count| count.checked_mul(4));
    let place = rva(at).zip(length).filter(|&(at, length)| length == 0 || constant(at, length));
    let (at, length) = place.ok_or_else(|| malformed("the guard's table is in no constant section"))?;
    let entries = table.pe_data_at(bytes, at).and_then(|data| data.get(..length as usize));
    let entries = entries.or((length == 0).then_some(&[])).unwrap_or_default();
    let functions: Vec<u32> = entries.as_chunks().0.iter().map(|entry| u32::from_le_bytes(*entry)).collect();
    let code = |rva: u32| sections.iter().any(|section| section.protection.execute && section.holds(rva, 1));
    let in_order = functions.is_sorted_by(|one, next| one < next);
    if functions.len() as u64 != count || !in_order || !functions.iter().all(|&rva| code(rva)) {
        return Err(malformed("the guard's table is cut off, not in order, or not of code"));
    }
    Ok(Some(Guard { check: pointer(offset::CHECK)?, dispatch: pointer(offset::DISPATCH)?, functions }))
}

fn field<const N: usize>(config: &[u8], at: usize) -> Result<&[u8; N], LoadError> {
    let field = config.get(at..).and_then(<[u8]>::first_chunk);
    field.ok_or_else(|| malformed("the load configuration is cut off"))
}
