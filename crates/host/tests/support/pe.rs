//! PE images for test drivers.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // images of tests are small

use super::code::{Code, FRAME, Target};
use std::ops::Range;

const BASE: u64 = 0x1_4000_0000;
const PAGE: usize = 0x1000;
const ALIGNMENT: usize = 0x200;
const HEADERS: usize = 0x400;

/// The contents of an image.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    /// Functions; the first one is the entry point.
    pub(crate) functions: Vec<Code>,
    pub(crate) data: Vec<u8>,
    /// Offsets in the data of words that hold the address of other data, and
    /// the offset of that.
    pub(crate) pointers: Vec<(u32, u32)>,
    /// Offsets in the data of words that hold the address of a function.
    pub(crate) code_pointers: Vec<(u32, usize)>,
    pub(crate) imports: Vec<(&'static str, String)>,
    /// Omits the unwind data of the functions.
    pub(crate) without_unwind_data: bool,
}

impl Parts {
    /// Where each function lies.
    pub(crate) fn ranges(&self) -> Vec<Range<u32>> {
        let (_, starts) = text(&self.functions);
        let range = |(start, function): (&usize, &Code)| {
            let start = PAGE + start;
            start as u32..(start + function.bytes.len()) as u32
        };
        starts.iter().zip(&self.functions).map(range).collect()
    }
}

struct Section {
    name: &'static [u8; 8],
    flags: u32,
    bytes: Vec<u8>,
    rva: usize,
}

/// The bytes of a file.
pub(crate) fn build(parts: &Parts) -> Vec<u8> {
    let text_rva = PAGE;
    let (mut text, starts) = text(&parts.functions);
    let rdata_rva = (text_rva + text.len()).next_multiple_of(PAGE);
    let (mut rdata, slots) = imports(&parts.imports, rdata_rva);
    let mut exceptions = (0, 0);
    if !parts.without_unwind_data {
        let table = functions(&parts.ranges(), rdata_rva + rdata.len());
        exceptions = (rdata_rva + rdata.len() + UNWIND_INFO.len(), table.len() - UNWIND_INFO.len());
        rdata.extend_from_slice(&table);
    }
    let data_rva = (rdata_rva + rdata.len()).next_multiple_of(PAGE);
    for (function, start) in parts.functions.iter().zip(&starts) {
        for &(at, target) in &function.fixups {
            let rva = match target {
                Target::Data(offset) => data_rva + offset as usize,
                Target::Function(index) => text_rva + starts[index],
                Target::Import(index) => slots[index],
            };
            let here = text_rva + start + at + 4;
            put(&mut text, start + at, &(rva as u32).wrapping_sub(here as u32).to_le_bytes());
        }
    }
    let mut data = parts.data.clone();
    let mut moved = Vec::new();
    for &(at, to) in &parts.pointers {
        put(&mut data, at as usize, &(BASE + (data_rva + to as usize) as u64).to_le_bytes());
        moved.push(data_rva + at as usize);
    }
    for &(at, function) in &parts.code_pointers {
        put(&mut data, at as usize, &(BASE + (text_rva + starts[function]) as u64).to_le_bytes());
        moved.push(data_rva + at as usize);
    }
    let reloc_rva = (data_rva + data.len()).next_multiple_of(PAGE);
    let sections = [
        Section { name: b".text\0\0\0", flags: 0x6000_0020, bytes: text, rva: text_rva },
        Section { name: b".rdata\0\0", flags: 0x4000_0040, bytes: rdata, rva: rdata_rva },
        Section { name: b".data\0\0\0", flags: 0xC000_0040, bytes: data, rva: data_rva },
        Section { name: b".reloc\0\0", flags: 0x4200_0040, bytes: relocations(&moved), rva: reloc_rva },
    ];
    file(&sections, exceptions)
}

/// The code of all functions, and their offsets.
fn text(functions: &[Code]) -> (Vec<u8>, Vec<usize>) {
    let mut text: Vec<u8> = Vec::new();
    let mut starts = Vec::new();
    for function in functions {
        starts.push(text.len());
        text.extend_from_slice(&function.bytes);
        text.resize(text.len().next_multiple_of(16), 0xCC);
    }
    (text, starts)
}

/// Version 1; the prologue of seven bytes allocates the frame in its one
/// instruction.
const UNWIND_INFO: [u8; 8] = {
    let [low, high, ..] = (FRAME / 8).to_le_bytes();
    [1, 7, 2, 0, 7, 0x01, low, high]
};

/// The shared unwind data of all functions, followed by the function table.
fn functions(ranges: &[Range<u32>], rva: usize) -> Vec<u8> {
    let mut bytes = UNWIND_INFO.to_vec();
    for range in ranges {
        for value in [range.start, range.end, rva as u32] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
    bytes
}

fn imports(names: &[(&'static str, String)], rva: usize) -> (Vec<u8>, Vec<usize>) {
    let modules = ["ntoskrnl.exe", "WDFLDR.SYS"];
    let mut bytes = vec![0; 20 * (modules.len() + 1)];
    let mut slots = vec![0; names.len()];
    for (index, module) in modules.into_iter().enumerate() {
        let of_module: Vec<usize> = (0..names.len()).filter(|&name| names[name].0 == module).collect();
        let name_at = bytes.len();
        bytes.extend_from_slice(module.as_bytes());
        bytes.resize((bytes.len() + 1).next_multiple_of(8), 0);
        let (lookup, table) = (bytes.len(), bytes.len() + 8 * (of_module.len() + 1));
        bytes.resize(table + 8 * (of_module.len() + 1), 0);
        for (position, &name) in of_module.iter().enumerate() {
            let hint = (rva + bytes.len()) as u64;
            put(&mut bytes, lookup + 8 * position, &hint.to_le_bytes());
            put(&mut bytes, table + 8 * position, &hint.to_le_bytes());
            slots[name] = rva + table + 8 * position;
            bytes.extend_from_slice(&[0, 0]);
            bytes.extend_from_slice(names[name].1.as_bytes());
            bytes.resize((bytes.len() + 1).next_multiple_of(8), 0);
        }
        for (field, value) in [(0, lookup), (12, name_at), (16, table)] {
            put(&mut bytes, 20 * index + field, &((rva + value) as u32).to_le_bytes());
        }
    }
    (bytes, slots)
}

/// One block for each address: more than needed, but allowed.
fn relocations(rvas: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for rva in rvas {
        bytes.extend_from_slice(&((rva & !0xFFF) as u32).to_le_bytes());
        bytes.extend_from_slice(&12_u32.to_le_bytes());
        bytes.extend_from_slice(&(0xA000 | (rva & 0xFFF) as u16).to_le_bytes());
        bytes.extend_from_slice(&[0, 0]);
    }
    bytes.resize(bytes.len().max(1), 0);
    bytes
}

fn file(sections: &[Section; 4], exceptions: (usize, usize)) -> Vec<u8> {
    let mut bytes = vec![0; HEADERS];
    put(&mut bytes, 0, b"MZ");
    put(&mut bytes, 0x3C, &0x40_u32.to_le_bytes());
    put(&mut bytes, 0x40, b"PE\0\0");
    // File header: machine, sections, size of the optional header, flags.
    put(&mut bytes, 0x44, &0x8664_u16.to_le_bytes());
    put(&mut bytes, 0x46, &(sections.len() as u16).to_le_bytes());
    put(&mut bytes, 0x54, &0xF0_u16.to_le_bytes());
    put(&mut bytes, 0x56, &0x22_u16.to_le_bytes());
    let optional = 0x58;
    let last = &sections[sections.len() - 1];
    let image = (last.rva + last.bytes.len()).next_multiple_of(PAGE);
    for (at, value) in [
        (0, 0x020B),
        (16, sections[0].rva as u32),
        (32, PAGE as u32),
        (36, ALIGNMENT as u32),
        (56, image as u32),
        (60, HEADERS as u32),
        (68, 1),
        (108, 16),
        (120, sections[1].rva as u32),
        (124, 60),
        (136, exceptions.0 as u32),
        (140, exceptions.1 as u32),
        (152, last.rva as u32),
        (156, (last.bytes.len() / 12 * 12) as u32),
    ] {
        put(&mut bytes, optional + at, &value.to_le_bytes());
    }
    put(&mut bytes, optional + 24, &BASE.to_le_bytes());
    if last.bytes.len() < 12 {
        put(&mut bytes, optional + 152, &[0; 8]);
    }
    for (index, section) in sections.iter().enumerate() {
        let header = optional + 0xF0 + 40 * index;
        let start = bytes.len();
        bytes.extend_from_slice(&section.bytes);
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        let raw = bytes.len() - start;
        put(&mut bytes, header, section.name);
        for (at, value) in [
            (8, section.bytes.len() as u32),
            (12, section.rva as u32),
            (16, raw as u32),
            (20, start as u32),
            (36, section.flags),
        ] {
            put(&mut bytes, header + at, &value.to_le_bytes());
        }
    }
    seal(&mut bytes);
    bytes
}

/// Sets the checksum.
pub(crate) fn seal(bytes: &mut [u8]) {
    const AT: usize = 0x58 + 64;
    put(bytes, AT, &[0; 4]);
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) | u32::from(*pair.get(1).unwrap_or(&0)) << 8;
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    let sum = sum + bytes.len() as u32;
    put(bytes, AT, &sum.to_le_bytes());
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
