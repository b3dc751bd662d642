//! The base relocations: what the loader changes when the image is not where it was linked for.

use anyhow::Result;
use object::pe;

use super::{Pe, Report, Rule};

pub(super) const RULES: &[Rule] = &[
    ("relocations-present", "there are relocations, or the image could be loaded at one address only"),
    ("relocations-blocks", "the blocks fill their directory, inside the section .reloc"),
    ("relocations-sorted", "the blocks are of whole pages, and they and their entries are in order"),
    ("relocations-types", "the types are 64-bit addresses, and one entry of padding a block at most"),
    ("relocations-place", "each is of a whole field of initialised data, never of code"),
    ("relocations-target", "each address relocated is inside the image"),
];

pub(super) fn check(pe: &Pe<'_>, report: &mut Report) -> Result<()> {
    let directory = pe.directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC);
    report.check("relocations-present", directory.is_some(), || "the image has no relocations".to_owned());
    let Some(directory) = directory else { return Ok(()) };
    let section = pe.section_at(directory.start);
    let inside = section.is_some_and(|section| {
        section.name == ".reloc" && directory.end <= section.range.start.saturating_add(len(section.data))
    });
    report.check("relocations-blocks", inside, || format!("they are at {directory:#x?}, not in .reloc"));
    if !inside {
        return Ok(());
    }

    let sections = pe.file.section_table();
    let blocks = pe.file.data_directories().relocation_blocks(pe.bytes, &sections)?;
    let Some(mut blocks) = blocks else { return Ok(()) };
    let (mut page, mut next_free, mut count) = (0, 0, 0);
    loop {
        let block = match blocks.next() {
            Ok(None) => break,
            Ok(Some(block)) => block,
            Err(error) => {
                report.check("relocations-blocks", false, || error.to_string());
                break;
            }
        };
        let start = block.virtual_address();
        report.check("relocations-sorted", start.is_multiple_of(4096) && page < start, || {
            format!("the block of page {start:#x} comes after that of {page:#x}")
        });
        page = start;
        // A header of eight bytes and two for each entry; the iterator leaves padding out.
        let (entries, before) = (block.size().saturating_sub(8) / 2, count);
        for relocation in block {
            let (field, kind) = (relocation.virtual_address, relocation.typ);
            report.check("relocations-types", kind == pe::IMAGE_REL_BASED_DIR64, || {
                format!("the field at {field:#x} is relocated as type {kind}")
            });
            report.check("relocations-sorted", next_free <= field, || {
                format!("the field at {field:#x} is relocated after one that ends at {next_free:#x}")
            });
            next_free = field.saturating_add(8);
            count += 1;
            check_field(pe, field, report);
        }
        let padding = entries.saturating_sub(count - before);
        report.check("relocations-types", padding <= 1, || {
            format!("{padding} entries of the block of page {start:#x} relocate nothing")
        });
    }
    report.figure("relocations", count);
    Ok(())
}

fn check_field(pe: &Pe<'_>, field: u32, report: &mut Report) {
    let target = pe.pointer_at(field);
    let data = pe.section_at(field).is_some_and(|section| !section.runs());
    report.check("relocations-place", data && pe.data_at(field).is_some_and(|data| data.len() >= 8), || {
        format!("the field at {field:#x} is no initialised data")
    });
    let inside = target.is_some_and(|target| pe.section_at(target).is_some());
    report.check("relocations-target", inside, || {
        format!("the field at {field:#x} points to {target:#x?}, outside the image")
    });
}

/// The length of a section's bytes, which a parsed header limits to 32 bits.
fn len(data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap_or(u32::MAX)
}
