//! Malformed images: each is refused without harm.

mod support;

use psimp_host::{Image, LoadError};
use support::driver::Driver;
use support::pe::seal;

fn file() -> Vec<u8> {
    let mut driver = Driver::new();
    driver.complete(0, 0);
    driver.file()
}

fn refused(bytes: Vec<u8>) -> String {
    match Image::from_bytes(bytes) {
        Err(error @ (LoadError::Malformed(_) | LoadError::Unsuitable(_))) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Refused with a reason, or mapped; nothing of it runs.
fn refused_or_mapped(bytes: Vec<u8>) {
    match Image::from_bytes(bytes) {
        Err(LoadError::Malformed(_) | LoadError::Unsuitable(_)) => (),
        Err(other) => panic!("{other}"),
        Ok(image) => match image.map_only() {
            Ok(()) | Err(LoadError::Unsupported) => (),
            Err(error) => panic!("taken, but not mapped: {error}"),
        },
    }
}

/// The offset, and the replacement.
type Change<'a> = (usize, &'a [u8]);

/// The file with some bytes changed and a corrected checksum.
fn changed(changes: &[Change<'_>]) -> Vec<u8> {
    let mut bytes = file();
    for (at, value) in changes {
        bytes[*at..at + value.len()].copy_from_slice(value);
    }
    seal(&mut bytes);
    bytes
}

const FILE_HEADER: usize = 0x44;
const OPTIONAL: usize = 0x58;
const SECTIONS: usize = OPTIONAL + 0xF0;

#[test]
fn the_whole_file_loads() {
    let bytes = file();
    let image = Image::from_bytes(bytes.clone()).expect("a well-formed image");
    assert_eq!(image.bytes(), bytes);
}

#[test]
fn a_file_that_ends_early_is_refused() {
    let bytes = file();
    for length in 0..bytes.len() {
        refused(bytes[..length].to_vec());
    }
}

#[test]
fn no_change_of_a_header_byte_does_harm() {
    let bytes = file();
    for (at, &byte) in bytes.iter().enumerate().take(SECTIONS + 4 * 40) {
        for value in [0, 1, 0x7F, 0x80, 0xFF, byte ^ 1, byte.wrapping_add(1)] {
            // The checksum detects nothing here.
            refused_or_mapped(changed(&[(at, &[value])]));
        }
    }
}

#[test]
fn no_change_of_a_table_byte_does_harm() {
    let bytes = file();
    for at in (SECTIONS..bytes.len()).step_by(3) {
        for value in [0, 0xFF, bytes[at].wrapping_add(1)] {
            refused_or_mapped(changed(&[(at, &[value])]));
        }
    }
}

#[test]
fn each_refusal_says_why() {
    let word = |value: u32| value.to_le_bytes();
    let cases: &[(&[Change<'_>], &str)] = &[
        (&[(0, b"ZM")], "not a PE32+ image: Invalid DOS magic"),
        (&[(FILE_HEADER, &[0x64, 0xAA])], "not a driver for x86-64: machine 0xAA64"),
        (&[(FILE_HEADER + 18, &[0x23])], "not a driver for x86-64: its relocations are stripped"),
        (&[(OPTIONAL + 68, &[3])], "not a driver for x86-64: subsystem 3 instead of native"),
        (
            &[(OPTIONAL + 32, &word(0x200))],
            "not a driver for x86-64: sections aligned to 0x200 cannot be protected",
        ),
        (&[(OPTIONAL + 16, &word(0))], "not a PE32+ image: the entry point is not in an executable section"),
        (&[(OPTIONAL + 56, &word(0x2000))], "not a PE32+ image: section .rdata ends outside the image"),
        (&[(OPTIONAL + 56, &word(u32::MAX))], "not a PE32+ image: the image is 0xFFFFFFFF bytes large"),
        (&[(OPTIONAL + 60, &word(u32::MAX))], "not a PE32+ image: the headers are longer than the file"),
        (&[(SECTIONS + 39, &[0xE0])], "not a driver for x86-64: section .text is writable and executable"),
        (&[(SECTIONS + 20, &word(u32::MAX))], "not a PE32+ image: section .text ends outside the file"),
        (
            &[(SECTIONS + 12, &word(0x1_0000))],
            "not a PE32+ image: section .text is at 0x10000 and not at 0x1000",
        ),
        (&[(OPTIONAL + 112 + 9 * 8, &[1, 0, 0, 0, 1])], "not a driver for x86-64: thread-local storage"),
    ];
    for &(changes, message) in cases {
        assert_eq!(refused(changed(changes)), message);
    }
    let mut bytes = file();
    bytes[OPTIONAL + 64] ^= 1;
    let message = refused(bytes);
    assert!(message.starts_with("not a PE32+ image: the checksum is 0x"), "{message}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Image::open("/nowhere/driver.sys".as_ref()).map(drop).expect_err("no such file");
    assert!(error.to_string().starts_with("cannot read /nowhere/driver.sys: "), "{error}");
}

/// The same on an image from a linker.
#[test]
#[ignore = "needs malicious.sys: cargo xtask test builds it and names it in PSIMP_MALICIOUS"]
fn a_linkers_image_may_end_early_too() {
    let image = support::malicious();
    for length in (0..image.bytes().len()).step_by(7) {
        refused(image.bytes()[..length].to_vec());
    }
}

/// Where the bytes of an address are in a linker's file.
fn offset_of(bytes: &[u8], rva: u32) -> usize {
    let word = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().expect("a word"));
    let headers = word(0x3C) as usize + 24 + 240;
    let of_section = |header: usize| {
        let (start, size, file) = (word(header + 12), word(header + 16), word(header + 20));
        (start..start + size).contains(&rva).then(|| (file + rva - start) as usize)
    };
    (0..16).find_map(|index| of_section(headers + 40 * index)).expect("in a section")
}

#[test]
#[ignore = "needs malicious.sys: cargo xtask test builds it and names it in PSIMP_MALICIOUS"]
fn a_guard_that_is_none_is_refused() {
    let image = support::malicious();
    let bytes = image.bytes();
    let word = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().expect("a word"));
    let directory = word(0x3C) as usize + 24 + 112 + 8 * 10;
    let config = offset_of(bytes, word(directory));
    let table = word(config + 0x80) - 0x8000_0000;
    let (entry, last) = (offset_of(bytes, table), word(directory) + 0x1000);
    let first = word(entry).to_le_bytes();
    let cases: &[(Change<'_>, &str)] = &[
        ((directory, &last.to_le_bytes()), "the load configuration is cut off"),
        ((config, &[0x90, 0]), "the load configuration is cut off"),
        ((config + 0x70, &[1, 0]), "a pointer of the guard is in no constant section"),
        ((config + 0x78, &[0xFF; 8]), "a pointer of the guard is in no constant section"),
        ((config + 0x80, &[0xFF; 8]), "the guard's table is in no constant section"),
        ((config + 0x88, &[0xFF; 4]), "the guard's table is in no constant section"),
        ((entry, &[0; 4]), "the guard's table is cut off, not in order, or not of code"),
        ((entry, &[0xFF; 4]), "the guard's table is cut off, not in order, or not of code"),
        // The same function twice.
        ((entry + 4, &first), "the guard's table is cut off, not in order, or not of code"),
    ];
    let refused_with = |(at, value): Change<'_>| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + value.len()].copy_from_slice(value);
        psimp_host::seal(&mut bytes).expect("it has a header");
        refused(bytes)
    };
    for &(change, message) in cases {
        assert_eq!(refused_with(change), format!("not a PE32+ image: {message}"), "{change:x?}");
    }
    let message = "not a driver for x86-64: the guard's table has more than addresses, which is not modelled";
    assert_eq!(refused_with((config + 0x93, &[0x10])), message);
}
