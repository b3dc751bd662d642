//! Control-flow guard: the load configuration, and the table of what may be called through a pointer.
//!
//! A driver calls through a pointer to a routine that jumps to the target. It is the image's own, which looks nothing up,
//! until the kernel replaces it with one that looks the target up in the tables of all images.

use std::collections::BTreeSet;

use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader};

use super::image::Section;
use super::{Names, Pe, Report, Rule};
use crate::build::Arch;

pub(super) const RULES: &[Rule] = &[
    ("guard-flags", "header and load configuration say that calls through pointers are guarded"),
    ("guard-pointers", "the pointers that guarded calls go through are constant"),
    ("guard-routines", "until the kernel replaces them, they lead to routines that do nothing but go on"),
    ("guard-table", "the table of what may be called is constant, in order, and of code"),
    ("guard-complete", "every function that others can have the address of is in the table"),
];

/// The rule about that table for which the code has to be followed.
pub(super) const OF_CODE: &[Rule] =
    &[("guard-starts", "each entry of that table is where a function begins")];

/// The offsets of what is checked, and the size of the structure in the SDK of Windows 11.
#[allow(clippy::cast_possible_truncation)] // some hundred bytes
mod offset {
    use std::mem::offset_of;

    use object::pe::ImageLoadConfigDirectory64 as Config;

    pub(super) const CHECK: u32 = offset_of!(Config, guard_cf_check_function_pointer) as u32;
    pub(super) const DISPATCH: u32 = offset_of!(Config, guard_cf_dispatch_function_pointer) as u32;
    pub(super) const TABLE: u32 = offset_of!(Config, guard_cf_function_table) as u32;
    pub(super) const COUNT: u32 = offset_of!(Config, guard_cf_function_count) as u32;
    pub(super) const FLAGS: u32 = offset_of!(Config, guard_flags) as u32;
    pub(super) const SIZE: u32 = 0x140;
}

/// Instrumented, and with a table, whose entries have nothing but an address.
const FLAGS: u32 = pe::IMAGE_GUARD_CF_INSTRUMENTED | pe::IMAGE_GUARD_CF_FUNCTION_TABLE_PRESENT;

/// `ret`, and `jmp rax`.
const GO_ON_X64: [&[u8]; 2] = [&[0xc3], &[0xff, 0xe0]];
/// `ret`. Nothing is dispatched: the target is checked first and called then.
const GO_ON_ARM64: [&[u8]; 1] = [&[0xc0, 0x03, 0x5f, 0xd6]];

/// What the code is compared with.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// The pointer to the routine that jumps to its target.
    pub(super) dispatch: Option<u32>,
    /// That routine, until the kernel replaces it.
    pub(super) routine: Option<u32>,
    table: BTreeSet<u32>,
}

pub(super) fn check(pe: &Pe<'_>, arch: Arch, report: &mut Report) -> Guard {
    let config = pe.directory(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG).map_or(0, |range| range.start);
    let field = |offset| pe.u32_at(config.checked_add(offset)?);
    let header = pe.file.nt_headers().optional_header().dll_characteristics();
    let (size, flags) = (field(0), field(offset::FLAGS));
    let in_header = header & pe::IMAGE_DLLCHARACTERISTICS_GUARD_CF != 0;
    report.check("guard-flags", in_header && size == Some(offset::SIZE) && flags == Some(FLAGS), || {
        format!("the header has {header:#x}, the load configuration {size:x?} bytes and the flags {flags:x?}")
    });

    let pointers: &[(u32, &[u8])] = match arch {
        Arch::X64 => &[(offset::CHECK, GO_ON_X64[0]), (offset::DISPATCH, GO_ON_X64[1])],
        Arch::Arm64 => &[(offset::CHECK, GO_ON_ARM64[0])],
    };
    let constant = |rva| pe.section_at(rva).is_some_and(|section| !section.is_writable());
    for (at, code) in pointers {
        let pointer = pe.pointer_at(config + at).filter(|pointer| constant(*pointer));
        report.check("guard-pointers", pointer.is_some(), || {
            format!("what the load configuration has at {at:#x} is no address among the constants")
        });
        let routine = pointer.and_then(|pointer| pe.pointer_at(pointer)).filter(|rva| pe.runs(*rva));
        let bytes = routine.and_then(|routine| pe.data_at(routine)).unwrap_or_default();
        report.check("guard-routines", bytes.starts_with(code), || {
            format!("the routine of the pointer at {at:#x} of the load configuration does more than to go on")
        });
    }

    let table = pe.pointer_at(config + offset::TABLE).filter(|table| constant(*table));
    let entries = (0..field(offset::COUNT).unwrap_or(0))
        .map_while(|entry| pe.u32_at(table?.checked_add(entry.checked_mul(4)?)?));
    let entries: Vec<_> = entries.collect();
    let whole = Some(entries.len()) == field(offset::COUNT).map(|count| count as usize);
    let sorted = entries.is_sorted_by(|one, next| one < next);
    let runs = entries.iter().all(|entry| pe.section_at(*entry).is_some_and(Section::runs));
    report.check("guard-table", whole && sorted && runs && !entries.is_empty(), || {
        format!("the table has {entries:#x?}: not whole, not in order, or not of code")
    });
    report.figure("functions that may be called through a pointer", entries.len());
    let dispatch = pe.pointer_at(config + offset::DISPATCH).filter(|_| arch == Arch::X64);
    Guard {
        dispatch,
        routine: dispatch.and_then(|dispatch| pe.pointer_at(dispatch)),
        table: entries.into_iter().collect(),
    }
}

/// Compares the table with the functions that others can have the address of.
pub(super) fn check_complete(guard: &Guard, roots: &BTreeSet<u32>, names: &Names, report: &mut Report) {
    let missing: Vec<_> = roots.difference(&guard.table).map(|rva| names.of(*rva)).collect();
    report.check("guard-complete", missing.is_empty(), || {
        format!("not in the table of what may be called through a pointer: {}", missing.join(", "))
    });
}

/// Compares the table with where functions begin.
pub(super) fn check_starts(guard: &Guard, begins: impl Fn(u32) -> bool, report: &mut Report) {
    let inside = guard.table.iter().find(|entry| !begins(**entry));
    report.check("guard-starts", inside.is_none(), || {
        format!("the table has {:#x}, where no function begins", inside.copied().unwrap_or_default())
    });
}
