//! The sections: which there are, how they are mapped, and that nothing is both writable and executable.

use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader};

use super::{Pe, Report, Rule};

pub(super) const RULES: &[Rule] = &[
    ("sections-known", "there are no sections but those named in the rule, each once"),
    ("sections-no-retplne", "there is no section .retplne, with which Windows loads no image"),
    ("sections-flags", "each is mapped with the access that its name implies"),
    ("sections-write-execute", "none is both writable and executable"),
    ("sections-pages", "each begins on a page of its own, which memory integrity needs to protect it"),
    ("sections-layout", "they are in order, do not overlap, and are inside the image and the file"),
    ("sections-entry", "the entry point is in an executable section"),
];

const CODE: u32 = pe::IMAGE_SCN_CNT_CODE | pe::IMAGE_SCN_MEM_EXECUTE | pe::IMAGE_SCN_MEM_READ;
const CONSTANT: u32 = pe::IMAGE_SCN_CNT_INITIALIZED_DATA | pe::IMAGE_SCN_MEM_READ;

/// Every section and the flags it has. None begins with PAGE: what the driver does runs at
/// `PASSIVE_LEVEL` and could be paged, but what stays in memory cannot fault.
const SECTIONS: &[(&str, u32)] = &[
    (".text", CODE),
    (".rdata", CONSTANT),
    (".data", CONSTANT | pe::IMAGE_SCN_MEM_WRITE),
    (".pdata", CONSTANT),
    (".rsrc", CONSTANT),
    (".reloc", CONSTANT | pe::IMAGE_SCN_MEM_DISCARDABLE),
];

const PAGE: u32 = 4096;

pub(super) fn check(pe: &Pe<'_>, report: &mut Report) {
    let optional = pe.file.nt_headers().optional_header();
    let mut end_in_memory = optional.size_of_headers();
    let mut end_in_file = optional.size_of_headers();
    for (index, section) in pe.sections.iter().enumerate() {
        let (name, flags) = (&section.name, section.flags);
        let first = !pe.sections[..index].iter().any(|other| other.name == *name);
        let known = SECTIONS.iter().find(|(known, _)| known == name);
        report
            .check("sections-known", first && known.is_some(), || format!("the image has a section {name}"));
        report.check("sections-no-retplne", name != ".retplne", || {
            "Windows loads no image with a section .retplne".to_owned()
        });
        let wanted = known.map_or(flags, |(_, wanted)| *wanted);
        report.check("sections-flags", flags == wanted, || {
            format!("the flags of {name} are {flags:#x}, not {wanted:#x}")
        });
        report.check("sections-write-execute", !(section.is_writable() && section.runs()), || {
            format!("{name} is both writable and executable")
        });

        let start = section.range.start;
        report.check("sections-pages", start.is_multiple_of(PAGE), || {
            format!("{name} begins at {start:#x}, inside a page")
        });
        let in_memory = end_in_memory <= start && section.range.end <= optional.size_of_image();
        let in_file = section.file_range.is_empty() || end_in_file <= section.file_range.start;
        report.check("sections-layout", in_memory && in_file, || {
            format!("{name} is at {:#x?}, in the file at {:#x?}", section.range, section.file_range)
        });
        end_in_memory = end_in_memory.max(section.range.end);
        end_in_file = end_in_file.max(section.file_range.end);
    }
    let alignment = optional.section_alignment();
    report.check("sections-pages", alignment.is_multiple_of(PAGE), || {
        format!("sections are aligned to {alignment:#x} bytes, which are no whole pages")
    });
    report.check("sections-entry", pe.runs(pe.entry), || {
        format!("the entry point {:#x} is in no executable section", pe.entry)
    });
}
