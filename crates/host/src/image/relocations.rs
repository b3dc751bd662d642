//! Base relocations: the addresses to adjust when the image is moved.

use super::{Section, malformed, unsuitable};
use crate::LoadError;
use object::pe;
use object::read::pe::{DataDirectories, SectionTable};

pub(super) fn read(
    bytes: &[u8],
    directories: &DataDirectories<'_>,
    table: &SectionTable<'_>,
    sections: &[Section],
) -> Result<Vec<u32>, LoadError> {
    let mut offsets = Vec::new();
    let Some(mut blocks) = directories.relocation_blocks(bytes, table)? else { return Ok(offsets) };
    while let Some(block) = blocks.next()? {
        for relocation in block {
            match relocation.typ {
                pe::IMAGE_REL_BASED_ABSOLUTE => continue,
                pe::IMAGE_REL_BASED_DIR64 => {}
                other => return Err(unsuitable(format!("relocation of type {other}"))),
            }
            let rva = relocation.virtual_address;
            if !sections.iter().any(|section| section.holds(rva, 8)) {
                return Err(malformed(format!("the relocation at 0x{rva:X} is in no section")));
            }
            offsets.push(rva);
        }
    }
    Ok(offsets)
}
