//! Every rule about the image is broken at least once, and reports it.

use std::collections::BTreeSet;
use std::{env, fs};

use iced_x86::code_asm::{eax, qword_ptr, r10, rax, rcx, rsp, xmm0, ymm0};
use object::pe;

use super::image::Pe;
use super::sample::{
    BASE, BIND_INFO, CALLBACK, CHECK, ENTRY, FUNCTIONS, GO_ON, GUARD_DISPATCH, GUARD_TABLE, KEPT, LEAF,
    LOAD_CONFIG, MARK, PDB_NAME, RDATA, RSRC, SPARE, Sample, TEXT_END, UNLOAD, WORKER, XDATA, at,
    callback_code, seal, unwind, version,
};
use super::{Expected, RULES, Report, check_bytes, header, imports};
use crate::build::{self, Arch};

const SLOTS: &str = include_str!("../../../../crates/host/data/kmdf-1.15-slots.csv");
const FOLDER: &str = "/home/someone";

/// What breaks a rule: a change of what the image is made of, or of its bytes.
enum Break {
    Made(fn(&mut Sample)),
    Patched(fn(&mut Vec<u8>)),
    /// The same, with the checksum left as it was.
    Unsealed(fn(&mut Vec<u8>)),
}

use Break::{Made, Patched, Unsealed};

#[rustfmt::skip]
const BROKEN: &[(&str, Break)] = &[
    ("image-machine", Made(|sample| sample.headers.machine = pe::IMAGE_FILE_MACHINE_ARM64)),
    ("image-subsystem", Made(|sample| sample.headers.subsystem = pe::IMAGE_SUBSYSTEM_WINDOWS_CUI)),
    ("image-versions", Made(|sample| sample.headers.major_operating_system_version = 6)),
    ("image-versions", Made(|sample| sample.headers.major_subsystem_version = 6)),
    ("image-flags", Made(|sample| sample.headers.dll_characteristics ^= pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE)),
    ("image-flags", Made(|sample| sample.headers.dll_characteristics ^= pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA)),
    ("image-flags", Made(|sample| sample.headers.dll_characteristics ^= pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT)),
    ("image-flags", Made(|sample| sample.headers.dll_characteristics ^= pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY)),
    ("image-size", Patched(|image| image.resize(header::LIMIT, 0))),
    ("image-checksum", Unsealed(|image| patch(image, SPARE, &[1]))),
    ("image-directories", Patched(|image| set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_TLS, SPARE, 40))),
    ("image-exports", Patched(|image| export_a_name(image))),
    ("image-pdb", Patched(|image| patch(image, PDB_NAME, b"C:\\a.pdb\0"))),
    ("image-pdb", Patched(|image| set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_DEBUG, 0, 0))),
    ("image-no-folders", Patched(|image| patch(image, SPARE, FOLDER.as_bytes()))),

    ("version-present", Patched(|image| set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_RESOURCE, 0, 0))),
    ("version-present", Patched(|image| patch(image, RSRC + 16, &[24]))),
    ("version-driver", Made(|sample| sample.version = version(env!("CARGO_PKG_VERSION"), (1, 7)))),
    ("version-driver", Made(|sample| sample.version = version(env!("CARGO_PKG_VERSION"), (3, 0)))),
    ("version-workspace", Made(|sample| sample.version = version("99.1.0", (3, 7)))),
    ("version-workspace", Made(|sample| swap(&mut sample.version, "ProductVersion", "ProductVersiom"))),
    ("version-strings", Made(|sample| swap(&mut sample.version, "psimp.sys", "psimp.dll"))),
    ("version-strings", Made(|sample| swap(&mut sample.version, "CompanyName", "CompanyNome"))),

    ("sections-known", Patched(|image| rename_section(image, 2, *b".bss\0\0\0\0"))),
    ("sections-known", Patched(|image| rename_section(image, 2, *b".rdata\0\0"))),
    ("sections-no-retplne", Patched(|image| rename_section(image, 2, *b".retplne"))),
    ("sections-flags", Made(|sample| sample.flags[1] |= pe::IMAGE_SCN_MEM_DISCARDABLE)),
    ("sections-write-execute", Made(|sample| sample.flags[0] |= pe::IMAGE_SCN_MEM_WRITE)),
    ("sections-write-execute", Made(|sample| sample.flags[2] |= pe::IMAGE_SCN_MEM_EXECUTE)),
    ("sections-pages", Patched(|image| { let field = headers(image) + 24 + 32; set_u32(image, field, 512); })),
    ("sections-layout", Patched(|image| { let field = section_header(image, 0) + 8; set_u32(image, field, 0x1800); })),
    ("sections-entry", Made(|sample| sample.headers.address_of_entry_point = RDATA)),

    ("imports-library", Made(|sample| sample.imports[0].0 = "hal.dll".to_owned())),
    ("imports-by-name", Made(|sample| rename_import(sample, "ZwDuplicateToken", "#5"))),
    ("imports-allowed", Made(|sample| rename_import(sample, "ZwDuplicateToken", "ExAllocatePool2"))),
    ("imports-used", Made(|sample| rename_import(sample, "ZwDuplicateToken", "memcpy"))),
    ("imports-no-bug-check", Made(|sample| rename_import(sample, "ZwDuplicateToken", "KeBugCheckEx"))),
    ("imports-kmdf", Made(|sample| rename_import(sample, "WdfVersionBind", "WdfVersionBindClass"))),
    ("imports-agree", Made(|sample| rename_import(sample, "ZwDuplicateToken", "memcpy"))),
    ("imports-protected", Made(|sample| sample.flags[1] |= pe::IMAGE_SCN_MEM_WRITE)),
    ("imports-protected", Patched(|image| set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_IAT, SPARE, 8))),

    ("relocations-present", Patched(|image| set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_BASERELOC, 0, 0))),
    ("relocations-blocks", Patched(|image| set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_BASERELOC, SPARE, 12))),
    ("relocations-blocks", Patched(|image| { let block = relocations(image); patch(image, block + 4, &[7]); })),
    ("relocations-sorted", Patched(|image| { let block = relocations(image); patch(image, block, &[8]); })),
    ("relocations-sorted", Patched(|image| { let block = relocations(image); patch(image, block + 8, &[32, 0xa0, 8, 0xa0]); })),
    ("relocations-types", Made(|sample| sample.relocations[0].1 = pe::IMAGE_REL_BASED_HIGHLOW)),
    ("relocations-types", Patched(|image| { let block = relocations(image); patch(image, block + 8, &[0; 4]); })),
    ("relocations-place", Made(|sample| sample.relocations.insert(0, (WORKER, pe::IMAGE_REL_BASED_DIR64)))),
    ("relocations-target", Patched(|image| patch(image, BIND_INFO + 8, &[0; 8]))),

    ("guard-flags", Made(|sample| sample.headers.dll_characteristics ^= pe::IMAGE_DLLCHARACTERISTICS_GUARD_CF)),
    ("guard-flags", Patched(|image| patch(image, LOAD_CONFIG, &[0x94, 0]))),
    ("guard-flags", Patched(|image| patch(image, LOAD_CONFIG + 0x91, &[0x04]))),
    ("guard-flags", Patched(|image| set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG, 0, 0))),
    ("guard-pointers", Patched(|image| patch(image, LOAD_CONFIG + 0x78, &[0; 8]))),
    ("guard-pointers", Patched(|image| patch(image, LOAD_CONFIG + 0x78, &(BASE + u64::from(KEPT)).to_le_bytes()))),
    ("guard-routines", Made(|sample| sample.function(GO_ON).1 = |asm| { asm.mov(rax, rcx)?; asm.jmp(rax) })),
    ("guard-routines", Made(|sample| sample.function(CHECK).1 = |asm| { asm.mov(rax, rcx)?; asm.ret() })),
    ("guard-table", Patched(|image| patch(image, LOAD_CONFIG + 0x88, &[0]))),
    ("guard-table", Patched(|image| patch(image, LOAD_CONFIG + 0x8b, &[0xff]))),
    ("guard-table", Patched(|image| patch(image, GUARD_TABLE, &CHECK.to_le_bytes()))),
    ("guard-table", Patched(|image| patch(image, GUARD_TABLE + 16, &RDATA.to_le_bytes()))),
    ("guard-starts", Patched(|image| patch(image, GUARD_TABLE, &(ENTRY + 1).to_le_bytes()))),
    ("guard-complete", Patched(|image| patch(image, GUARD_TABLE, &LEAF.to_le_bytes()))),
    ("guard-complete", Patched(|image| patch(image, LOAD_CONFIG + 0x88, &[4]))),

    ("unwind-table", Patched(|image| set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION, 0, 0))),
    ("unwind-table", Patched(|image| set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION, PDATA, 13))),
    ("unwind-sorted", Patched(|image| patch(image, PDATA, &WORKER.to_le_bytes()))),
    ("unwind-inside", Patched(|image| patch(image, PDATA + 8, &WORKER.to_le_bytes()))),
    ("unwind-inside", Patched(|image| patch(image, PDATA, &SPARE.to_le_bytes()))),
    ("unwind-version", Patched(|image| patch(image, XDATA, &[3]))),
    ("unwind-version", Patched(|image| patch(image, PDATA + 8, &(XDATA + 1).to_le_bytes()))),
    ("unwind-flags", Patched(|image| patch(image, XDATA, &[1 | 1 << 3]))),
    ("unwind-codes", Made(|sample| sample.function(WORKER).2 = Some(unwind(4, &[4, 0x4b])))),
    ("unwind-codes", Made(|sample| sample.function(WORKER).2 = Some(unwind(4, &[4, 0x01])))),
    ("unwind-codes", Made(|sample| sample.function(WORKER).2 = Some(unwind(4, &[5, 0x42])))),
    ("unwind-covers", Made(|sample| sample.function(WORKER).2 = None)),
    ("unwind-agrees", Made(|sample| sample.function(WORKER).2 = Some(unwind(4, &[4, 0x52])))),
    ("unwind-agrees", Made(|sample| sample.function(WORKER).2 = Some(unwind(4, &[3, 0x42])))),
    ("unwind-agrees", Made(|sample| sample.function(LEAF).2 = Some(unwind(4, &[4, 0x42])))),

    ("code-decodes", Made(|sample| sample.function(LEAF).1 = |asm| { asm.db(&[0x06])?; asm.ret() })),
    ("code-decodes", Patched(|image| patch(image, PDATA + 4, &(ENTRY + 3).to_le_bytes()))),
    ("code-gaps", Patched(|image| patch(image, TEXT_END - 1, &[0xc3]))),
    ("code-gaps", Patched(|image| patch(image, PDATA + 4, &(CALLBACK + 4).to_le_bytes()))),
    ("code-branches", Made(|sample| sample.function(LEAF).1 = |asm| asm.jmp(BASE + u64::from(WORKER) + 4))),
    ("code-branches", Made(|sample| sample.function(UNLOAD).1 = |asm| { asm.sub(rsp, 40)?; asm.add(rsp, 40) })),
    ("code-reached", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.add(rsp, 40)?; asm.ret()?; asm.mov(eax, 1)?; asm.ret()
    })),
    ("code-traps", Made(|sample| sample.function(LEAF).1 = |asm| { asm.ud2()?; asm.ret() })),
    ("code-traps", Made(|sample| sample.function(LEAF).1 = |asm| { asm.int3()?; asm.ret() })),
    ("code-traps", Made(|sample| sample.function(LEAF).1 = |asm| { asm.int(0x29)?; asm.ret() })),
    ("code-traps", Made(|sample| sample.function(LEAF).1 = |asm| { asm.hlt()?; asm.ret() })),
    ("code-returns", Made(|sample| sample.function(LEAF).1 = |asm| asm.jmp(BASE + u64::from(LEAF)))),
    ("code-returns", Made(|sample| sample.function(WORKER).1 = |asm| {
        let mut again = asm.create_label();
        asm.sub(rsp, 40)?; asm.set_label(&mut again)?; asm.call(BASE + u64::from(LEAF))?; asm.jmp(again)
    })),
    ("code-privileged", Made(|sample| sample.function(LEAF).1 = |asm| { asm.cli()?; asm.ret() })),
    ("code-privileged", Made(|sample| sample.function(LEAF).1 = |asm| { asm.syscall()?; asm.ret() })),
    ("code-registers", Made(|sample| sample.function(LEAF).1 = |asm| { asm.fld1()?; asm.ret() })),
    ("code-registers", Made(|sample| sample.function(LEAF).1 = |asm| { asm.vaddps(ymm0, ymm0, ymm0)?; asm.ret() })),

    ("calls-known", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.call(qword_ptr(rcx + 8))?; asm.add(rsp, 40)?; asm.ret()
    })),
    // The table is not loaded again after a call that may have changed the register.
    ("calls-known", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.mov(r10, at(FUNCTIONS))?; asm.call(qword_ptr(r10 + 8))?; asm.call(qword_ptr(r10 + 8))?;
        asm.add(rsp, 40)?; asm.ret()
    })),
    // A register that is the function table on one way and something else on the other.
    ("calls-known", Made(|sample| sample.function(WORKER).1 = |asm| {
        let mut both = asm.create_label();
        asm.sub(rsp, 40)?; asm.mov(rax, at(FUNCTIONS))?; asm.test(rcx, rcx)?; asm.je(both)?; asm.mov(rax, rcx)?;
        asm.set_label(&mut both)?; asm.call(qword_ptr(rax + 8))?; asm.add(rsp, 40)?; asm.ret()
    })),
    ("calls-known", Made(|sample| sample.function(LEAF).1 = |asm| asm.jmp(rcx))),
    ("calls-guarded", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.mov(rax, at(FUNCTIONS))?; asm.call(qword_ptr(rax + 8))?; asm.add(rsp, 40)?; asm.ret()
    })),
    ("calls-guarded", Made(|sample| sample.function(UNLOAD).1 = |asm| {
        asm.sub(rsp, 40)?; asm.mov(rax, at(KEPT))?; asm.call(rax)?; asm.add(rsp, 40)?; asm.ret()
    })),
    // A copy of a register that is no function.
    ("calls-known", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.mov(r10, rcx)?; asm.mov(rax, r10)?;
        asm.call(at(GUARD_DISPATCH))?; asm.add(rsp, 40)?; asm.ret()
    })),
    // The register that the guard takes the target in is something else by then.
    ("calls-known", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.mov(rax, at(FUNCTIONS))?; asm.mov(rax, qword_ptr(rax + 8))?; asm.mov(rax, rcx)?;
        asm.call(at(GUARD_DISPATCH))?; asm.add(rsp, 40)?; asm.ret()
    })),
    ("calls-kept", Made(|sample| sample.function(LEAF).1 = |asm| { asm.mov(at(KEPT), rcx)?; asm.ret() })),
    ("calls-kept", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.call(at(FUNCTIONS))?; asm.add(rsp, 40)?; asm.ret()
    })),
    ("calls-binding", Patched(|image| patch(image, BIND_INFO + 20, &[33]))),
    ("calls-binding", Patched(|image| patch(image, BIND_INFO + 28, &[1]))),
    ("calls-slots", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.mov(rax, at(FUNCTIONS))?; asm.call(qword_ptr(rax + 8 * 444))?; asm.add(rsp, 40)?; asm.ret()
    })),

    ("stack-followed", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.and(rsp, -16)?; asm.add(rsp, 40)?; asm.ret()
    })),
    ("stack-followed", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.sub(rsp, rax)?; asm.add(rsp, 40)?; asm.ret()
    })),
    ("stack-followed", Made(|sample| sample.function(WORKER).1 = |asm| {
        let mut both = asm.create_label();
        asm.sub(rsp, 40)?; asm.test(rcx, rcx)?; asm.je(both)?; asm.push(rax)?;
        asm.set_label(&mut both)?; asm.add(rsp, 40)?; asm.ret()
    })),
    ("stack-balanced", Made(|sample| sample.function(WORKER).1 = |asm| { asm.sub(rsp, 40)?; asm.ret() })),
    ("stack-balanced", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.jmp(BASE + u64::from(LEAF))
    })),
    ("stack-aligned", Made(|sample| {
        *sample.function(WORKER) = (WORKER, |asm| {
            asm.sub(rsp, 32)?; asm.call(BASE + u64::from(LEAF))?; asm.add(rsp, 32)?; asm.ret()
        }, Some(unwind(4, &[4, 0x32])));
    })),
    ("stack-recursion", Made(|sample| sample.function(WORKER).1 = |asm| {
        asm.sub(rsp, 40)?; asm.call(BASE + u64::from(CALLBACK))?; asm.add(rsp, 40)?; asm.ret()
    })),
    ("stack-recursion", Made(|sample| sample.function(LEAF).1 = |asm| {
        let mut end = asm.create_label();
        asm.test(rcx, rcx)?; asm.je(end)?; asm.jmp(BASE + u64::from(CALLBACK))?;
        asm.set_label(&mut end)?; asm.ret()
    })),
    ("stack-shadow", Patched(|image| patch(image, MARK, &[0]))),
    ("stack-shadow", Patched(|image| set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_DEBUG, 0, 0))),
    ("stack-limit", Made(|sample| {
        *sample.function(WORKER) = (WORKER, |asm| {
            asm.sub(rsp, 0x1008)?; asm.movaps(xmm0, xmm0)?; asm.add(rsp, 0x1008)?; asm.ret()
        }, Some(unwind(7, &[7, 0x01, 0x01, 0x02])));
    })),
];

const PDATA: u32 = 0x4000;

#[test]
fn the_sample_keeps_every_rule() {
    let report = report(&Sample::new().build());
    assert_eq!(report.violations, Vec::<String>::new());
    let applied: BTreeSet<_> = report.applied.into_iter().collect();
    // There are no exports and no folders in it.
    let other: BTreeSet<_> = names().filter(|name| !applied.contains(name)).collect();
    assert_eq!(other, BTreeSet::from(["image-exports"]));
}

#[test]
fn every_rule_can_be_broken() {
    let broken: BTreeSet<_> = BROKEN.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(names().collect::<BTreeSet<_>>(), broken);
}

#[test]
fn each_broken_rule_is_reported_by_its_name() {
    for (number, (rule, how)) in BROKEN.iter().enumerate() {
        let mut sample = Sample::new();
        let image = match how {
            Made(change) => {
                change(&mut sample);
                sample.build()
            }
            Patched(change) | Unsealed(change) => {
                let mut image = sample.build();
                change(&mut image);
                if matches!(how, Patched(_)) {
                    seal(&mut image);
                }
                image
            }
        };
        let found = report(&image).violations;
        let named = found.iter().any(|violation| violation.starts_with(&format!("{rule}: ")));
        assert!(named, "break {number}, of {rule}: {found:?}");
    }
}

#[test]
fn a_jump_table_is_followed_and_its_ways_are_functions_calls() {
    let sample = Sample::new().with(CALLBACK, callback_code);
    let report = report(&sample.build());
    let figure =
        |name: &str| report.figures.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    assert_eq!(figure("functions").and_then(|value| value.as_u64()), Some(8));
    assert_eq!(figure("KMDF functions called").and_then(|value| value.as_u64()), Some(1));
    // Callback 8, its frame 40 and a return address, the worker's 40 and another, and the thunk's jump.
    assert_eq!(figure("deepest stack in bytes").and_then(|value| value.as_u64()), Some(8 + 48 + 48));
}

/// The release image.
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn the_image_keeps_the_rules_and_breaking_it_is_seen() {
    let path = env::var_os("PSIMP_SYS").expect("PSIMP_SYS must name psimp.sys");
    let image = fs::read(path).expect("the image can be read");
    let pe = Pe::parse(&image).expect("an image");
    let listed = || pe.imports.values().map(|import| import.name.as_str());
    assert_eq!(report_with(&image, Arch::X64, listed()).violations, Vec::<String>::new());
    for (rule, code) in
        [("code-traps", [0x0f, 0x0b]), ("code-returns", [0xeb, 0xfe]), ("code-privileged", [0xfa, 0x90])]
    {
        let mut broken = image.clone();
        patch(&mut broken, pe.entry, &code);
        seal(&mut broken);
        let found = report_with(&broken, Arch::X64, listed()).violations;
        assert!(found.iter().any(|violation| violation.starts_with(rule)), "{rule}: {found:?}");
    }
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().flat_map(|rules| rules.iter()).map(|(name, _)| *name)
}

/// The report on an image made here. `llvm-readobj` is not run: its output is made to match.
fn report(image: &[u8]) -> Report {
    report_with(image, Arch::X64, imports::wanted(Arch::X64).map(|(_, name)| name))
}

pub(super) fn report_with<'a>(image: &[u8], arch: Arch, listed: impl IntoIterator<Item = &'a str>) -> Report {
    let readobj = listed.into_iter().fold(String::new(), |text, name| text + "  Symbol: " + name + " (0)\n");
    let kmdf = build::kmdf_functions(SLOTS).expect("the slots are recorded");
    let mut report = Report::default();
    let expected = Expected { arch, kmdf: &kmdf, folders: &[FOLDER.to_owned()], readobj: &readobj, map: "" };
    check_bytes(image, &expected, &mut report).expect("it can be read");
    report
}

fn rename_import(sample: &mut Sample, from: &str, to: &str) {
    let mut names = sample.imports.iter_mut().flat_map(|(_, names)| names);
    to.clone_into(names.find(|name| *name == from).expect("it is imported"));
}

/// Changes a text of the version resource to one of the same length.
fn swap(version: &mut [u8], from: &str, to: &str) {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let (from, to) = (wide(from), wide(to));
    let at = version.windows(from.len()).position(|window| window == from).expect("it is in there");
    version[at..][..to.len()].copy_from_slice(&to);
}

/// Changes bytes at an address.
pub(super) fn patch(image: &mut [u8], rva: u32, bytes: &[u8]) {
    let offset = file_offset(image, rva);
    image[offset..][..bytes.len()].copy_from_slice(bytes);
}

pub(super) fn file_offset(image: &[u8], rva: u32) -> usize {
    let pe = Pe::parse(image).expect("an image");
    let section = pe.section_at(rva).expect("in a section");
    (section.file_range.start + rva - section.range.start) as usize
}

/// Where the PE headers begin in the file.
fn headers(image: &[u8]) -> usize {
    usize::from(image[0x3c]) | usize::from(image[0x3d]) << 8
}

fn section_header(image: &[u8], index: usize) -> usize {
    headers(image) + 24 + 240 + 40 * index
}

fn rename_section(image: &mut [u8], index: usize, name: [u8; 8]) {
    let header = section_header(image, index);
    image[header..header + 8].copy_from_slice(&name);
}

pub(super) fn set_directory(image: &mut [u8], index: usize, rva: u32, size: u32) {
    let field = headers(image) + 24 + 112 + 8 * index;
    set_u32(image, field, rva);
    set_u32(image, field + 4, size);
}

fn set_u32(image: &mut [u8], offset: usize, value: u32) {
    image[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
}

/// The address of the first block of relocations.
fn relocations(image: &[u8]) -> u32 {
    Pe::parse(image)
        .expect("an image")
        .directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC)
        .expect("there are some")
        .start
}

/// One exported name, with its directory and tables in the spare room.
fn export_a_name(image: &mut [u8]) {
    let fields = [0, 0, 0, SPARE + 52, 1, 1, 1, SPARE + 40, SPARE + 44, SPARE + 48, LEAF, SPARE + 52];
    let directory: Vec<u8> = fields.into_iter().flat_map(u32::to_le_bytes).collect();
    patch(image, SPARE, &[&directory[..], &[0, 0, 0, 0], b"DllMain\0"].concat());
    set_directory(image, pe::IMAGE_DIRECTORY_ENTRY_EXPORT, SPARE, 60);
}
