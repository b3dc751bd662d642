//! The headers, and the checks that a kernel makes on them.

use super::{Layout, PAGE, Section, checksum, guard, imports, malformed, relocations, sections, unsuitable};
use crate::LoadError;
use object::LittleEndian as LE;
use object::pe::{self, ImageDosHeader, ImageNtHeaders64};
use object::read::pe::{DataDirectories, ImageNtHeaders as _};
use std::ops::Range;

/// More than any driver needs; prevents a malformed header from requesting
/// gigabytes.
const MAX_SIZE: u32 = 64 << 20;

/// Directories for features that a kernel does not support in drivers.
const REFUSED: &[(usize, &str)] = &[
    (pe::IMAGE_DIRECTORY_ENTRY_TLS, "thread-local storage"),
    (pe::IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT, "delayed imports"),
    (pe::IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR, "managed code"),
];

pub(super) fn read(bytes: &[u8]) -> Result<Layout, LoadError> {
    let dos = ImageDosHeader::parse(bytes)?;
    let mut offset = u64::from(dos.nt_headers_offset());
    let (nt, directories) = ImageNtHeaders64::parse(bytes, &mut offset)?;
    check_kind(nt)?;
    check_directories(&directories)?;

    let optional = &nt.optional_header;
    let size = optional.size_of_image.get(LE);
    if size == 0 || size > MAX_SIZE {
        return Err(malformed(format!("the image is 0x{size:X} bytes large")));
    }
    let size = size.next_multiple_of(PAGE);
    let headers = optional.size_of_headers.get(LE);
    if usize::try_from(headers).is_ok_and(|headers| headers > bytes.len()) || headers > size {
        return Err(malformed("the headers are longer than the file"));
    }

    let table = nt.sections(bytes, offset)?;
    let sections = sections::read(bytes, &table, headers, size)?;
    let entry = optional.address_of_entry_point.get(LE);
    if !sections.iter().any(|section| section.protection.execute && section.holds(entry, 1)) {
        return Err(malformed("the entry point is not in an executable section"));
    }
    let relocations = relocations::read(bytes, &directories, &table, &sections)?;
    let imports = imports::read(bytes, &directories, &table, &sections)?;
    let guard = guard::read(bytes, nt, &directories, &table, &sections)?;
    checksum::check(bytes, nt, dos)?;
    Ok(Layout {
        size,
        headers,
        preferred_base: optional.image_base.get(LE),
        entry,
        relocations,
        imports,
        functions: functions(&directories, &sections),
        guard,
        sections,
    })
}

/// The table of functions. A kernel loads an image without a valid table, but
/// then cannot unwind it.
fn functions(directories: &DataDirectories<'_>, sections: &[Section]) -> Range<u32> {
    let directory = directories.get(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION);
    let (rva, size) = directory.map_or((0, 0), |at| (at.virtual_address.get(LE), at.size.get(LE)));
    if sections.iter().any(|section| section.is_constant() && section.holds(rva, size)) {
        rva..rva + size
    } else {
        0..0
    }
}

fn check_kind(nt: &ImageNtHeaders64) -> Result<(), LoadError> {
    let machine = nt.file_header.machine.get(LE);
    if machine != pe::IMAGE_FILE_MACHINE_AMD64 {
        return Err(unsuitable(format!("machine 0x{machine:04X}")));
    }
    let characteristics = nt.file_header.characteristics.get(LE);
    if characteristics & pe::IMAGE_FILE_EXECUTABLE_IMAGE == 0 {
        return Err(unsuitable("not linked"));
    }
    if characteristics & pe::IMAGE_FILE_RELOCS_STRIPPED != 0 {
        return Err(unsuitable("its relocations are stripped"));
    }
    let optional = &nt.optional_header;
    let subsystem = optional.subsystem.get(LE);
    if subsystem != pe::IMAGE_SUBSYSTEM_NATIVE {
        return Err(unsuitable(format!("subsystem {subsystem} instead of native")));
    }
    let alignment = optional.section_alignment.get(LE);
    if alignment < PAGE || !alignment.is_power_of_two() {
        return Err(unsuitable(format!("sections aligned to 0x{alignment:X} cannot be protected")));
    }
    let file_alignment = optional.file_alignment.get(LE);
    if !file_alignment.is_power_of_two() || file_alignment > alignment {
        return Err(malformed(format!("file alignment 0x{file_alignment:X}")));
    }
    Ok(())
}

fn check_directories(directories: &DataDirectories<'_>) -> Result<(), LoadError> {
    for &(index, what) in REFUSED {
        if directories.get(index).is_some() {
            return Err(unsuitable(what));
        }
    }
    Ok(())
}
