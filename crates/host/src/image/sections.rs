//! The sections: where their bytes come from, where they go, how they are
//! protected.

use super::{PAGE, malformed, unsuitable};
use crate::LoadError;
use object::LittleEndian as LE;
use object::pe::{self, ImageSectionHeader};
use object::read::pe::SectionTable;
use std::ops::Range;

/// What code may do with the pages of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protection {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) execute: bool,
}

/// A section, in bounds.
#[derive(Clone, Debug)]
#[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), allow(dead_code))]
pub(crate) struct Section {
    /// Offset in the image, a multiple of the page size.
    pub(crate) rva: u32,
    /// The virtual size of the section.
    pub(crate) size: u32,
    /// The bytes of the file at its start; the rest is zero.
    pub(crate) file: Range<usize>,
    pub(crate) protection: Protection,
    /// Freed once the driver is initialised.
    pub(crate) discardable: bool,
}

impl Section {
    /// Whether its bytes can be read and never change.
    pub(crate) fn is_constant(&self) -> bool {
        self.protection.read && !self.protection.write && !self.discardable
    }

    /// Whether `length` bytes from `rva` lie in the section.
    pub(crate) fn holds(&self, rva: u32, length: u32) -> bool {
        rva >= self.rva && u64::from(rva) + u64::from(length) <= u64::from(self.rva) + u64::from(self.size)
    }
}

pub(super) fn read(
    bytes: &[u8],
    table: &SectionTable<'_>,
    headers: u32,
    image: u32,
) -> Result<Vec<Section>, LoadError> {
    let mut sections = Vec::new();
    let mut end = headers.next_multiple_of(PAGE);
    for header in table.iter() {
        let section = one(bytes, header)?;
        // As the memory manager requires: no gap, no overlap.
        if section.rva != end {
            return Err(malformed(format!(
                "section {} is at 0x{:X} and not at 0x{end:X}",
                name(header),
                section.rva
            )));
        }
        end = section
            .rva
            .checked_add(section.size)
            .and_then(|end| end.checked_next_multiple_of(PAGE))
            .filter(|&end| end <= image)
            .ok_or_else(|| malformed(format!("section {} ends outside the image", name(header))))?;
        sections.push(section);
    }
    Ok(sections)
}

fn one(bytes: &[u8], header: &ImageSectionHeader) -> Result<Section, LoadError> {
    let raw = header.size_of_raw_data.get(LE);
    let size = match header.virtual_size.get(LE) {
        0 => raw,
        size => size,
    };
    if size == 0 {
        return Err(malformed(format!("section {} is empty", name(header))));
    }
    let start = header.pointer_to_raw_data.get(LE);
    let used = raw.min(size);
    let file = file_range(start, used)
        .filter(|range| range.end <= bytes.len())
        .ok_or_else(|| malformed(format!("section {} ends outside the file", name(header))))?;
    let flags = header.characteristics.get(LE);
    let has = |flag| flags & flag != 0;
    let protection = Protection {
        read: has(pe::IMAGE_SCN_MEM_READ),
        write: has(pe::IMAGE_SCN_MEM_WRITE),
        execute: has(pe::IMAGE_SCN_MEM_EXECUTE),
    };
    if protection.write && protection.execute {
        return Err(unsuitable(format!("section {} is writable and executable", name(header))));
    }
    let discardable = has(pe::IMAGE_SCN_MEM_DISCARDABLE);
    Ok(Section { rva: header.virtual_address.get(LE), size, file, protection, discardable })
}

fn file_range(start: u32, length: u32) -> Option<Range<usize>> {
    if length == 0 {
        return Some(0..0);
    }
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    Some(start..end)
}

fn name(header: &ImageSectionHeader) -> String {
    header.raw_name().escape_ascii().to_string()
}
