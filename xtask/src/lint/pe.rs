//! The image against what Windows demands of a driver, and what this project promises of its own.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use object::pe::{self, ImageNtHeaders64};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, Import, PeFile64};
use object::{LittleEndian as LE, Object};

use super::Report;
use crate::build::{self, Image};
use crate::exec;
use crate::workspace::Workspace;

/// The image stays small enough to be read as a whole.
const LARGEST: u64 = 24 * 1024;

/// The panic handler calls it, so importing it would prove that some panic can be reached.
const PANIC: &str = "KeBugCheckEx";

/// Each flag of the optional header that has to be set, and what it is for.
const FLAGS: [(u16, &str); 4] = [
    (pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, "DYNAMIC_BASE: it could not be loaded at a random address"),
    (pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA, "HIGH_ENTROPY_VA: its address would be less random"),
    (pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT, "NX_COMPAT: its data could be executed"),
    (
        pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY,
        "FORCE_INTEGRITY: its signature would not be checked on loading",
    ),
];

pub(super) fn check(workspace: &Workspace, image: &Image, report: &mut Report) -> Result<()> {
    let bytes = fs::read(&image.path).with_context(|| format!("cannot read {}", image.path.display()))?;
    let file = PeFile64::parse(&*bytes).context("psimp.sys is not a PE32+ image")?;
    check_header(&file, &bytes, report);
    check_sections(&file, report);
    check_imports(workspace, image, &file, report)?;
    check_directories(&file, report)?;
    check_paths(workspace, &bytes, report);
    Ok(())
}

fn check_header(file: &PeFile64<'_>, bytes: &[u8], report: &mut Report) {
    let header = file.nt_headers().file_header();
    let optional = file.nt_headers().optional_header();
    let machine = header.machine.get(LE);
    report.check(machine == pe::IMAGE_FILE_MACHINE_AMD64, || {
        format!("the machine is {machine:#x}, not x86-64")
    });
    let subsystem = optional.subsystem();
    report.check(subsystem == pe::IMAGE_SUBSYSTEM_NATIVE, || {
        format!("the subsystem is {subsystem}, not native")
    });
    for (flag, why) in FLAGS {
        report.check(optional.dll_characteristics() & flag != 0, || format!("the image is not {why}"));
    }
    let size = bytes.len() as u64;
    report.check(size < LARGEST, || format!("the image has {size} bytes, {LARGEST} or more"));
    let (stored, computed) = (optional.check_sum(), checksum(bytes));
    report.check(stored == computed, || format!("the checksum is {stored:#x}, the image's is {computed:#x}"));
}

fn check_sections(file: &PeFile64<'_>, report: &mut Report) {
    let entry = file.nt_headers().optional_header().address_of_entry_point();
    let mut entry_runs = false;
    for section in file.section_table().iter() {
        let name = String::from_utf8_lossy(section.raw_name()).into_owned();
        let flags = section.characteristics.get(LE);
        let (writes, runs) = (flags & pe::IMAGE_SCN_MEM_WRITE != 0, flags & pe::IMAGE_SCN_MEM_EXECUTE != 0);
        report.check(!(writes && runs), || format!("section {name} is both writable and executable"));
        report.check(name != ".retplne", || "Windows loads no image with a section .retplne".to_owned());
        let start = section.virtual_address.get(LE);
        entry_runs |= runs && (start..start + section.virtual_size.get(LE)).contains(&entry);
    }
    report.check(entry_runs, || format!("the entry point {entry:#x} lies in no executable section"));
}

fn check_imports(
    workspace: &Workspace,
    image: &Image,
    file: &PeFile64<'_>,
    report: &mut Report,
) -> Result<()> {
    let mut seen = BTreeSet::new();
    let table = file.import_table()?.context("psimp.sys imports nothing")?;
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let library = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).into_owned();
        let def = match library.as_str() {
            "ntoskrnl.exe" => "ntoskrnl.def",
            "WDFLDR.SYS" => "WdfLdr.def",
            _ => {
                report.check(false, || format!("the image imports from {library}"));
                continue;
            }
        };
        let def = exec::read(&workspace.cross_sources().join(def))?;
        let allowed: BTreeSet<_> = exports(&def).collect();
        let mut thunks = table.thunks(descriptor.original_first_thunk.get(LE))?;
        while let Some(thunk) = thunks.next::<ImageNtHeaders64>()? {
            let name = match table.import::<ImageNtHeaders64>(thunk)? {
                Import::Name(_, name) => String::from_utf8_lossy(name).into_owned(),
                Import::Ordinal(ordinal) => format!("#{ordinal}"),
            };
            report.check(allowed.contains(name.as_str()), || format!("the image imports {library}!{name}"));
            report.check(name != PANIC, || format!("a panic is reachable: the image imports {PANIC}"));
            seen.insert(name);
        }
    }
    report.check(seen.contains("WdfVersionBind"), || "the image does not bind to KMDF".to_owned());

    let readobj = exec::stdout(Command::new(build::READOBJ).arg("--coff-imports").arg(&image.path))?;
    let symbols = readobj.lines().filter_map(|line| line.trim().strip_prefix("Symbol: ")?.split_once(" ("));
    let other: BTreeSet<_> = symbols.map(|(name, _)| name.to_owned()).collect();
    report.check(seen == other, || format!("llvm-readobj sees other imports: {other:?}"));
    Ok(())
}

fn check_directories(file: &PeFile64<'_>, report: &mut Report) -> Result<()> {
    let relocations = file
        .data_directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC)
        .is_some_and(|directory| directory.virtual_address.get(LE) != 0 && directory.size.get(LE) != 0);
    report.check(relocations, || "the image has no relocations".to_owned());
    let pdb = file.pdb_info()?;
    report.check(pdb.is_none(), || "the image names a PDB file".to_owned());
    Ok(())
}

/// Names of folders on the machine that built it make an image different from everyone else's.
fn check_paths(workspace: &Workspace, bytes: &[u8], report: &mut Report) {
    let home = std::env::home_dir();
    let folders = [Some(workspace.root.clone()), Some(workspace.target.clone()), home];
    for folder in
        folders.iter().flatten().filter_map(|folder| folder.to_str()).filter(|folder| folder.len() > 1)
    {
        let found = bytes.windows(folder.len()).any(|window| window == folder.as_bytes());
        report.check(!found, || format!("the image names the folder {folder}"));
    }
}

/// The names that a `.def` file exports.
fn exports(def: &str) -> impl Iterator<Item = &str> {
    let lines = def.lines().map(str::trim).skip_while(|line| *line != "EXPORTS").skip(1);
    lines.filter(|line| !line.starts_with(';')).filter_map(|line| line.split_whitespace().next())
}

/// The checksum of a PE image: the 16-bit words added with the carry brought round, the field itself taken
/// as zero, and the length added.
fn checksum(bytes: &[u8]) -> u32 {
    let pe =
        bytes.get(0x3c..0x40).map_or(0, |field| u32::from_le_bytes([field[0], field[1], field[2], field[3]]));
    let field = pe as usize + 24 + 64;
    let mut sum = 0_u32;
    for (index, word) in bytes.chunks(2).enumerate() {
        if (field..field + 4).contains(&(index * 2)) {
            continue;
        }
        sum += u32::from(word[0]) | u32::from(word.get(1).copied().unwrap_or(0)) << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum.wrapping_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{checksum, exports};

    #[test]
    fn the_exports_of_a_def_file_are_its_names() {
        let def = "; a comment\nLIBRARY k.exe\nEXPORTS\nOne\n; two is a variable\n  Two CONSTANT\n\n";
        assert_eq!(exports(def).collect::<Vec<_>>(), ["One", "Two"]);
    }

    #[test]
    fn the_checksum_skips_its_own_field_and_adds_the_length() {
        let mut image = vec![0_u8; 0x100];
        image[0x3c] = 0x40;
        image[0x40 + 24 + 64] = 0xff;
        assert_eq!(checksum(&image), 0x140);
        image[0x20] = 0xff;
        image[0x21] = 0xff;
        image[0x22] = 2;
        assert_eq!(checksum(&image), 0x142);
    }
}
