//! The headers, the data directories, the exports, and what must not be written anywhere in the image.

use anyhow::Result;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader};
use object::{LittleEndian as LE, Object, pe};

use super::{Pe, Report, Rule};
use crate::build::Arch;

pub(super) const RULES: &[Rule] = &[
    ("image-machine", "the image is for the architecture that it was built for"),
    ("image-subsystem", "its subsystem is native"),
    ("image-versions", "it is for version 10.0 of system and subsystem, as the WDK links a driver"),
    ("image-flags", "it can be loaded anywhere, its data cannot be executed, its signature is checked"),
    ("image-size", "it stays small enough to be read as a whole"),
    ("image-checksum", "the checksum in the header, which the kernel verifies, is right"),
    ("image-directories", "it has no data directory but those named in the rule"),
    ("image-exports", "it exports nothing but what is named in the rule"),
    ("image-pdb", "it names its PDB, psimp.pdb, without a folder"),
    ("image-no-folders", "it names no folder of the machine that built it"),
];

/// The image stays smaller than this, small enough to be read as a whole. It grows by 512 bytes at a time.
pub(super) const LIMIT: usize = 32 * 1024;

/// The file with the symbols, where debuggers look for it: beside the image, and in their own folders.
const PDB: &[u8] = b"psimp.pdb";

/// Each flag of the optional header that has to be set, and what it is for.
const FLAGS: &[(u16, &str)] = &[
    (pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, "DYNAMIC_BASE: it could not be loaded at a random address"),
    (pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA, "HIGH_ENTROPY_VA: its address would be less random"),
    (pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT, "NX_COMPAT: its data could be executed"),
    (
        pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY,
        "FORCE_INTEGRITY: its signature would not be checked on loading",
    ),
];

/// Any other could make the loader run or find code that the driver does not call.
const DIRECTORIES: &[usize] = &[
    pe::IMAGE_DIRECTORY_ENTRY_EXPORT,
    pe::IMAGE_DIRECTORY_ENTRY_IMPORT,
    pe::IMAGE_DIRECTORY_ENTRY_IAT,
    pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION,
    pe::IMAGE_DIRECTORY_ENTRY_BASERELOC,
    // What the guard of calls needs.
    pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG,
    // The version.
    pe::IMAGE_DIRECTORY_ENTRY_RESOURCE,
    // The name of the PDB, and the hash that stands for the time of the build.
    pe::IMAGE_DIRECTORY_ENTRY_DEBUG,
];

/// What a driver's image may export, and why it does. No other image imports it.
const EXPORTS: &[(&str, &str)] = &[
    ("DriverEntry", "the framework's entry point calls it by this name"),
    // wdk-sys defines what the C runtime would; nothing calls them.
    ("_fltused", "wdk-sys: a constant that marks the use of floating point"),
    ("__CxxFrameHandler3", "wdk-sys: a stand-in for an exception handler of C++"),
    ("__CxxFrameHandler4", "wdk-sys: the same"),
    ("__GSHandlerCheck_EH4", "wdk-sys: the same"),
];

pub(super) fn check(pe: &Pe<'_>, arch: Arch, folders: &[String], report: &mut Report) -> Result<()> {
    let header = pe.file.nt_headers().file_header();
    let optional = pe.file.nt_headers().optional_header();
    let machine = header.machine.get(LE);
    let wanted = match arch {
        Arch::X64 => pe::IMAGE_FILE_MACHINE_AMD64,
        Arch::Arm64 => pe::IMAGE_FILE_MACHINE_ARM64,
    };
    report.check("image-machine", machine == wanted, || {
        format!("the machine is {machine:#x}, not {wanted:#x}")
    });
    let subsystem = optional.subsystem();
    report.check("image-subsystem", subsystem == pe::IMAGE_SUBSYSTEM_NATIVE, || {
        format!("the subsystem is {subsystem}, not native")
    });
    let versions = [
        [optional.major_operating_system_version(), optional.minor_operating_system_version()],
        [optional.major_subsystem_version(), optional.minor_subsystem_version()],
    ];
    report.check("image-versions", versions == [[10, 0]; 2], || {
        format!("the versions of system and subsystem are {versions:?}, not 10.0")
    });
    for (flag, why) in FLAGS {
        let set = optional.dll_characteristics() & flag != 0;
        report.check("image-flags", set, || format!("the image is not {why}"));
    }
    let size = pe.bytes.len();
    report.check("image-size", size < LIMIT, || format!("the image has {size} bytes, {LIMIT} or more"));
    let (stored, computed) = (optional.check_sum(), checksum(pe.bytes));
    report.check("image-checksum", stored == computed, || {
        format!("the checksum is {stored:#x}, the image's is {computed:#x}")
    });

    for index in 0..pe.file.data_directories().len() {
        let empty = pe.directory(index).is_none();
        report.check("image-directories", empty || DIRECTORIES.contains(&index), || {
            format!("data directory {index} is not empty")
        });
    }
    for name in pe.exports.keys() {
        let known = EXPORTS.iter().any(|(known, _)| known == name);
        report.check("image-exports", known, || format!("the image exports {name}"));
    }

    let pdb = pe.file.pdb_info()?;
    let named = pdb.map(|pdb| pdb.path());
    report.check("image-pdb", named == Some(PDB), || {
        let named =
            named.map_or_else(|| "no PDB".to_owned(), |name| format!("the PDB {}", name.escape_ascii()));
        format!("the image names {named}")
    });
    for folder in folders.iter().filter(|folder| folder.len() > 1) {
        let found = pe.bytes.windows(folder.len()).any(|window| window == folder.as_bytes());
        report.check("image-no-folders", !found, || format!("the image names the folder {folder}"));
    }
    Ok(())
}

/// The checksum of a PE image: the 16-bit words added with the carry brought round, the field itself taken
/// as zero, and the length added.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let field = checksum_field(bytes);
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

/// Where the checksum is in the file.
pub(super) fn checksum_field(bytes: &[u8]) -> usize {
    let headers =
        bytes.get(0x3c..).and_then(|field| field.first_chunk()).map_or(0, |field| u32::from_le_bytes(*field));
    headers as usize + 24 + 64
}

#[cfg(test)]
mod tests {
    use super::checksum;

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
