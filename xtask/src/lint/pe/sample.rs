//! A driver image of a few hundred bytes that keeps every rule, to break one rule at a time in.

use iced_x86::code_asm::{
    AsmMemoryOperand, CodeAssembler, dword_ptr, eax, ecx, qword_ptr, r8, r9, r10, r15, rax, rbx, rcx, rdx,
    rsp,
};
use iced_x86::{BlockEncoder, BlockEncoderOptions, IcedError, InstructionBlock, Register};
use object::pe;
use object::write::pe::{NtHeaders, Writer};

use super::header::{checksum, checksum_field};
use super::stack::EX_DLLCHARACTERISTICS;
use super::{Arch, imports};

pub(super) const BASE: u64 = 0x1_8000_0000;
/// The start of every function has a place of its own, this far apart.
const SLOT: u32 = 0x80;
pub(super) const ENTRY: u32 = 0x1000;
pub(super) const CALLBACK: u32 = ENTRY + SLOT;
pub(super) const WORKER: u32 = CALLBACK + SLOT;
pub(super) const UNLOAD: u32 = WORKER + SLOT;
pub(super) const LEAF: u32 = UNLOAD + SLOT;
pub(super) const THUNK: u32 = LEAF + SLOT;
/// The routine that guarded calls go through, and the one that only checks.
pub(super) const GO_ON: u32 = THUNK + SLOT;
pub(super) const CHECK: u32 = GO_ON + SLOT;
pub(super) const TEXT_END: u32 = CHECK + SLOT;

pub(super) const RDATA: u32 = 0x2000;
/// The name of the library that is bound to.
pub(super) const LIBRARY: u32 = RDATA;
pub(super) const JUMP_TABLE: u32 = RDATA + 0x20;
pub(super) const XDATA: u32 = RDATA + 0x40;
/// Nothing is here.
pub(super) const SPARE: u32 = RDATA + 0x80;
/// The debug directory, with two entries, and what they lead to: the record with the name of the PDB, and the mark for
/// shadow stacks.
const DEBUG: u32 = RDATA + 0x100;
const DEBUG_SIZE: u32 = 56;
pub(super) const MARK: u32 = LOAD_CONFIG - 8;
const PDB_RECORD: u32 = DEBUG + DEBUG_SIZE;
pub(super) const PDB_NAME: u32 = PDB_RECORD + 24;
pub(super) const LOAD_CONFIG: u32 = RDATA + 0x180;
/// What may be called through a pointer.
pub(super) const GUARD_TABLE: u32 = LOAD_CONFIG + 0x140;
/// The pointers to the two routines.
const GUARD_CHECK: u32 = GUARD_TABLE + 0x40;
pub(super) const GUARD_DISPATCH: u32 = GUARD_CHECK + 8;
const IMPORTS: u32 = RDATA + 0x400;

pub(super) const DATA: u32 = 0x3000;
pub(super) const BIND_INFO: u32 = DATA;
/// KMDF puts the address of its function table here.
pub(super) const FUNCTIONS: u32 = DATA + 0x40;
pub(super) const KEPT: u32 = DATA + 0x48;
const DATA_SIZE: u32 = 0x50;

/// The resources, with one entry in each of three tables.
pub(super) const RSRC: u32 = 0x5000;
const VERSION: u32 = RSRC + 0x58;

/// A piece of code, put together at its own address.
pub(super) type Assemble = fn(&mut CodeAssembler) -> Result<(), IcedError>;

/// What the image is made of. The fields are what tests change.
pub(super) struct Sample {
    pub(super) functions: Vec<(u32, Assemble, Option<Vec<u8>>)>,
    pub(super) imports: Vec<(String, Vec<String>)>,
    pub(super) relocations: Vec<(u32, u16)>,
    pub(super) headers: NtHeaders,
    pub(super) flags: [u32; 4],
    /// The version resource.
    pub(super) version: Vec<u8>,
}

/// Unwind information: version 1, then the size of the prologue, the number of codes, and the codes.
pub(super) fn unwind(prologue: u8, codes: &[u8]) -> Vec<u8> {
    let count = u8::try_from(codes.len() / 2).expect("few codes");
    [&[1, prologue, count, 0], codes].concat()
}

impl Sample {
    pub(super) fn new() -> Self {
        // push rbx; sub rsp, 32
        let entry = unwind(5, &[5, 0x32, 1, 0x30]);
        // sub rsp, 40
        let plain = unwind(4, &[4, 0x42]);
        Self {
            functions: vec![
                (ENTRY, entry_code, Some(entry)),
                (CALLBACK, callback_code, Some(plain.clone())),
                (WORKER, worker_code, Some(plain.clone())),
                (UNLOAD, unload_code, Some(plain)),
                (
                    LEAF,
                    |asm| {
                        asm.mov(eax, 1)?;
                        asm.ret()
                    },
                    None,
                ),
                (THUNK, |asm| asm.jmp(at(import("ZwClose"))), None),
                (GO_ON, |asm| asm.jmp(rax), None),
                (CHECK, CodeAssembler::ret, None),
            ],
            imports: import_names(),
            relocations: vec![
                (LOAD_CONFIG + 0x70, pe::IMAGE_REL_BASED_DIR64),
                (LOAD_CONFIG + 0x78, pe::IMAGE_REL_BASED_DIR64),
                (LOAD_CONFIG + 0x80, pe::IMAGE_REL_BASED_DIR64),
                (GUARD_CHECK, pe::IMAGE_REL_BASED_DIR64),
                (GUARD_DISPATCH, pe::IMAGE_REL_BASED_DIR64),
                (BIND_INFO + 8, pe::IMAGE_REL_BASED_DIR64),
                (BIND_INFO + 32, pe::IMAGE_REL_BASED_DIR64),
            ],
            headers: headers(),
            flags: [CODE, CONSTANT, CONSTANT | pe::IMAGE_SCN_MEM_WRITE, CONSTANT],
            version: version(env!("CARGO_PKG_VERSION"), (3, 7)),
        }
    }

    /// Other code for the function that begins at an address.
    pub(super) fn with(mut self, start: u32, code: Assemble) -> Self {
        self.function(start).1 = code;
        self
    }

    pub(super) fn function(&mut self, start: u32) -> &mut (u32, Assemble, Option<Vec<u8>>) {
        self.functions.iter_mut().find(|function| function.0 == start).expect("a function begins there")
    }

    /// The image, with the right checksum.
    pub(super) fn build(&self) -> Vec<u8> {
        let mut text = vec![0xcc; (TEXT_END - ENTRY) as usize];
        let (mut pdata, mut xdata) = (Vec::new(), Vec::new());
        for (start, code, info) in &self.functions {
            let code = assemble(*start, *code);
            assert!(code.len() <= SLOT as usize, "too long for its place");
            put(&mut text, start - ENTRY, &code);
            let Some(info) = info else { continue };
            let end = start + u32::try_from(code.len()).expect("short");
            for field in [*start, end, XDATA + u32::try_from(xdata.len()).expect("short")] {
                pdata.extend(field.to_le_bytes());
            }
            xdata.extend(info);
            xdata.resize(xdata.len().next_multiple_of(4), 0);
        }
        let mut image = self.write(&text, &self.rdata(&xdata), &bind_info(), &pdata);
        seal(&mut image);
        image
    }

    fn rdata(&self, xdata: &[u8]) -> Vec<u8> {
        let mut rdata = vec![0; (IMPORTS - RDATA) as usize];
        let library: Vec<_> = "KmdfLibrary\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        put(&mut rdata, LIBRARY - RDATA, &library);
        for (number, target) in jump_targets().into_iter().enumerate() {
            let entry = target.wrapping_sub(JUMP_TABLE).to_le_bytes();
            put(&mut rdata, JUMP_TABLE - RDATA + 4 * u32::try_from(number).expect("few"), &entry);
        }
        put(&mut rdata, XDATA - RDATA, xdata);
        for (place, bytes) in guard() {
            put(&mut rdata, place - RDATA, &bytes);
        }
        rdata.extend(import_table(&self.imports).0);
        rdata
    }

    fn write(&self, text: &[u8], rdata: &[u8], data: &[u8], pdata: &[u8]) -> Vec<u8> {
        let mut image = Vec::new();
        let mut writer = Writer::new(true, 4096, 512, &mut image);
        writer.reserve_dos_header_and_stub();
        writer.reserve_nt_headers(16);
        writer.reserve_section_headers(6);
        let rsrc = rsrc(&self.version);
        let sections = [
            (*b".text\0\0\0", text),
            (*b".rdata\0\0", rdata),
            (*b".data\0\0\0", data),
            (*b".pdata\0\0", pdata),
            (*b".rsrc\0\0\0", &rsrc),
        ];
        let ranges: Vec<_> = sections
            .iter()
            .zip(self.flags.into_iter().chain([CONSTANT]))
            .map(|((name, bytes), flags)| {
                let size = u32::try_from(bytes.len()).expect("short");
                writer.reserve_section(*name, flags, size, size)
            })
            .collect();
        assert_eq!(
            [ranges[0].virtual_address, ranges[1].virtual_address, ranges[2].virtual_address],
            [ENTRY, RDATA, DATA]
        );
        let (_, table_size, slots) = import_table(&self.imports);
        writer.set_data_directory(pe::IMAGE_DIRECTORY_ENTRY_IMPORT, IMPORTS, 60);
        writer.set_data_directory(pe::IMAGE_DIRECTORY_ENTRY_IAT, slots, table_size);
        writer.set_data_directory(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG, LOAD_CONFIG, 0x140);
        writer.set_data_directory(pe::IMAGE_DIRECTORY_ENTRY_DEBUG, DEBUG, DEBUG_SIZE);
        let size = u32::try_from(rsrc.len()).expect("short");
        writer.set_data_directory(pe::IMAGE_DIRECTORY_ENTRY_RESOURCE, ranges[4].virtual_address, size);
        let size = u32::try_from(pdata.len()).expect("short");
        writer.set_data_directory(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION, ranges[3].virtual_address, size);
        for (field, kind) in &self.relocations {
            writer.add_reloc(*field, *kind);
        }
        writer.reserve_reloc_section();
        writer.write_dos_header_and_stub().expect("the stub is written first");
        writer.write_nt_headers(self.headers.clone());
        writer.write_section_headers();
        for (range, (_, bytes)) in ranges.iter().zip(sections) {
            let mut bytes = bytes.to_vec();
            if range.virtual_address == RDATA {
                put(&mut bytes, DEBUG - RDATA, &debug(range.file_offset));
                put(&mut bytes, MARK - RDATA, &[1]);
            }
            writer.write_section(range.file_offset, &bytes);
        }
        writer.write_reloc_section();
        image
    }
}

/// Puts the right checksum into an image that was changed.
pub(super) fn seal(image: &mut [u8]) {
    let (field, sum) = (checksum_field(image), checksum(image));
    image[field..field + 4].copy_from_slice(&sum.to_le_bytes());
}

const CODE: u32 = pe::IMAGE_SCN_CNT_CODE | pe::IMAGE_SCN_MEM_EXECUTE | pe::IMAGE_SCN_MEM_READ;
const CONSTANT: u32 = pe::IMAGE_SCN_CNT_INITIALIZED_DATA | pe::IMAGE_SCN_MEM_READ;

/// A memory operand at an address of the image.
pub(super) fn at(rva: u32) -> AsmMemoryOperand {
    qword_ptr(r15 + rva)
}

/// The slot of an import.
pub(super) fn import(name: &str) -> u32 {
    let names = import_names();
    let (.., slots) = import_table(&names);
    let mut slot = slots;
    for (_, names) in names {
        for other in names {
            if other == name {
                return slot;
            }
            slot += 8;
        }
        slot += 8;
    }
    panic!("{name} is not imported")
}

fn entry_code(asm: &mut CodeAssembler) -> Result<(), IcedError> {
    asm.push(rbx)?;
    asm.sub(rsp, 32)?;
    asm.lea(r8, at(BIND_INFO))?;
    asm.call(at(import("WdfVersionBind")))?;
    asm.mov(at(KEPT), rcx)?;
    asm.lea(rax, at(UNLOAD))?;
    asm.mov(qword_ptr(rcx + 0x68), rax)?;
    asm.lea(rax, at(CALLBACK))?;
    asm.mov(qword_ptr(rcx + 0x70), rax)?;
    asm.call(BASE + u64::from(WORKER))?;
    asm.add(rsp, 32)?;
    asm.pop(rbx)?;
    asm.ret()
}

/// A switch through a jump table, one of whose ways calls a function of KMDF.
pub(super) fn callback_code(asm: &mut CodeAssembler) -> Result<(), IcedError> {
    asm.sub(rsp, 40)?;
    asm.mov(eax, ecx)?;
    asm.lea(rdx, at(JUMP_TABLE))?;
    asm.movsxd(rax, dword_ptr(rdx + rax * 4))?;
    asm.add(rax, rdx)?;
    asm.jmp(rax)?;
    // The first way.
    asm.mov(r9, at(FUNCTIONS))?;
    asm.mov(r10, qword_ptr(r9 + 8 * 100))?;
    asm.mov(rax, r10)?;
    asm.call(at(GUARD_DISPATCH))?;
    // The second.
    asm.call(BASE + u64::from(WORKER))?;
    asm.call(BASE + u64::from(LEAF))?;
    asm.add(rsp, 40)?;
    asm.ret()
}

/// Where the ways of the callback's switch begin: after the jump, and at the call that follows.
fn jump_targets() -> [u32; 2] {
    let code = assemble(CALLBACK, callback_code);
    let jump = code.windows(2).position(|bytes| bytes == [0xff, 0xe0]).expect("jmp rax") + 2;
    let call = code.iter().skip(jump).position(|byte| *byte == 0xe8).expect("a direct call") + jump;
    [jump, call].map(|offset| CALLBACK + u32::try_from(offset).expect("short"))
}

fn worker_code(asm: &mut CodeAssembler) -> Result<(), IcedError> {
    asm.sub(rsp, 40)?;
    asm.call(at(import("KeGetCurrentIrql")))?;
    asm.call(BASE + u64::from(THUNK))?;
    asm.add(rsp, 40)?;
    asm.ret()
}

fn unload_code(asm: &mut CodeAssembler) -> Result<(), IcedError> {
    asm.sub(rsp, 40)?;
    asm.mov(rax, at(KEPT))?;
    asm.call(at(GUARD_DISPATCH))?;
    asm.add(rsp, 40)?;
    asm.jmp(at(import("WdfVersionUnbind")))
}

fn assemble(start: u32, code: Assemble) -> Vec<u8> {
    let mut asm = CodeAssembler::new(64).expect("64 bits");
    code(&mut asm).expect("it can be put together");
    // The assembler has the instruction pointer as a base for labels only; r15 stands for it.
    let mut instructions = asm.instructions().to_vec();
    for instruction in &mut instructions {
        if instruction.memory_base() == Register::R15 {
            instruction.set_memory_base(Register::RIP);
            instruction.set_memory_displacement64(BASE + instruction.memory_displacement64());
        }
    }
    let block = InstructionBlock::new(&instructions, BASE + u64::from(start));
    BlockEncoder::encode(64, block, BlockEncoderOptions::NONE).expect("it can be put together").code_buffer
}

/// The debug directory, in a file that has .rdata at an offset.
fn debug(rdata: u32) -> Vec<u8> {
    let record = [b"RSDS", &[7; 16][..], &1_u32.to_le_bytes(), b"psimp.pdb\0"].concat();
    let size = u32::try_from(record.len()).expect("short");
    let in_file = rdata + PDB_RECORD - RDATA;
    let fields = [0, 0, 0, pe::IMAGE_DEBUG_TYPE_CODEVIEW, size, PDB_RECORD, in_file];
    let mark = [0, 0, 0, EX_DLLCHARACTERISTICS, 4, MARK, rdata + MARK - RDATA];
    let directory: Vec<u8> = fields.into_iter().chain(mark).flat_map(u32::to_le_bytes).collect();
    [directory, record].concat()
}

/// The load configuration and what it leads to, each at its address.
fn guard() -> Vec<(u32, Vec<u8>)> {
    let pointer = |rva: u32| (BASE + u64::from(rva)).to_le_bytes().to_vec();
    let table = [ENTRY, CALLBACK, UNLOAD, GO_ON, CHECK];
    vec![
        (LOAD_CONFIG, 0x140_u32.to_le_bytes().to_vec()),
        (LOAD_CONFIG + 0x70, pointer(GUARD_CHECK)),
        (LOAD_CONFIG + 0x78, pointer(GUARD_DISPATCH)),
        (LOAD_CONFIG + 0x80, pointer(GUARD_TABLE)),
        (LOAD_CONFIG + 0x88, table.len().to_le_bytes().to_vec()),
        (LOAD_CONFIG + 0x90, 0x500_u32.to_le_bytes().to_vec()),
        (GUARD_TABLE, table.into_iter().flat_map(u32::to_le_bytes).collect()),
        (GUARD_CHECK, pointer(CHECK)),
        (GUARD_DISPATCH, pointer(GO_ON)),
    ]
}

/// Version information of a `FILETYPE` and `FILESUBTYPE`.
pub(super) fn version(version: &str, (kind, subtype): (u32, u32)) -> Vec<u8> {
    let numbers: Vec<u32> = version.split('.').map(|part| part.parse().expect("a number")).collect();
    let (high, low) = (numbers[0] << 16 | numbers[1], numbers[2] << 16);
    let fields = [0xfeef_04bd, 0x1_0000, high, low, high, low, 0x3f, 0, 0x4_0004, kind, subtype, 0, 0];
    let fields: Vec<u8> = fields.into_iter().flat_map(u32::to_le_bytes).collect();
    let text = |name: &str, text: &str| {
        let value: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        block(name, true, &value, &[])
    };
    let texts = [
        text("CompanyName", "somebody"),
        text("FileDescription", "something"),
        text("FileVersion", &format!("{version}.0")),
        text("InternalName", "psimp.sys"),
        text("OriginalFilename", "psimp.sys"),
        text("ProductName", "psimp"),
        text("ProductVersion", version),
    ];
    let strings = block("StringFileInfo", true, &[], &[block("040904b0", true, &[], &texts)]);
    block("VS_VERSION_INFO", false, &fields, &[strings])
}

/// A block of version information, padded to four bytes.
fn block(key: &str, is_text: bool, value: &[u8], inside: &[Vec<u8>]) -> Vec<u8> {
    let aligned = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(4), 0);
    let mut bytes = vec![0; 6];
    bytes.extend(key.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    aligned(&mut bytes);
    bytes.extend(value);
    for block in inside {
        aligned(&mut bytes);
        bytes.extend(block);
    }
    let length = if is_text { value.len() / 2 } else { value.len() };
    for (field, value) in [bytes.len(), length, usize::from(is_text)].into_iter().enumerate() {
        let value = u16::try_from(value).expect("short");
        bytes[2 * field..][..2].copy_from_slice(&value.to_le_bytes());
    }
    aligned(&mut bytes);
    bytes
}

/// A directory of type, name and language with this as its only resource.
fn rsrc(version: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    // The last word of a table counts the entries with numbers; the high bit of an entry leads to another table.
    for (id, offset) in [(pe::RT_VERSION, 0x8000_0018), (1, 0x8000_0030), (0x409, 0x48)] {
        bytes.extend([0_u32, 0, 0, 1 << 16, u32::from(id), offset].into_iter().flat_map(u32::to_le_bytes));
    }
    let size = u32::try_from(version.len()).expect("short");
    bytes.extend([VERSION, size, 0, 0].into_iter().flat_map(u32::to_le_bytes));
    [&bytes, version].concat()
}

fn bind_info() -> Vec<u8> {
    let mut data = vec![0; DATA_SIZE as usize];
    put(&mut data, 0, &48_u32.to_le_bytes());
    put(&mut data, 8, &(BASE + u64::from(LIBRARY)).to_le_bytes());
    for (offset, value) in [(16, 1_u32), (20, 15), (24, 0), (28, 444)] {
        put(&mut data, offset, &value.to_le_bytes());
    }
    put(&mut data, 32, &(BASE + u64::from(FUNCTIONS)).to_le_bytes());
    data
}

fn import_names() -> Vec<(String, Vec<String>)> {
    let mut libraries: Vec<(String, Vec<String>)> = Vec::new();
    for (library, name) in imports::wanted(Arch::X64) {
        match libraries.iter_mut().find(|(known, _)| known == library) {
            Some((_, names)) => names.push(name.to_owned()),
            None => libraries.push((library.to_owned(), vec![name.to_owned()])),
        }
    }
    libraries
}

/// The import directory with its tables and names, the size of the address table and where that is.
fn import_table(libraries: &[(String, Vec<String>)]) -> (Vec<u8>, u32, u32) {
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).expect("short");
    let slots: usize = libraries.iter().map(|(_, names)| names.len() + 1).sum();
    let size = u32::try_from(slots * 8).expect("short");
    let descriptors = u32::try_from((libraries.len() + 1) * 20).expect("short").next_multiple_of(8);
    let (lookup, address) = (IMPORTS + descriptors, IMPORTS + descriptors + size);
    let (mut directory, mut table, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (library, imports) in libraries {
        let first = len(&table);
        for import in imports {
            if let Some(ordinal) = import.strip_prefix('#') {
                let ordinal: u64 = ordinal.parse().expect("a number");
                table.extend((1 << 63 | ordinal).to_le_bytes());
            } else {
                table.extend(u64::from(address + size + len(&names)).to_le_bytes());
                names.extend([&[0, 0], import.as_bytes(), &[0]].concat());
                names.resize(names.len().next_multiple_of(2), 0);
            }
        }
        table.extend([0; 8]);
        let name = address + size + len(&names);
        for field in [lookup + first, 0, 0, name, address + first] {
            directory.extend(field.to_le_bytes());
        }
        names.extend([library.as_bytes(), &[0, 0]].concat());
        names.resize(names.len().next_multiple_of(2), 0);
    }
    directory.resize(descriptors as usize, 0);
    ([directory, table.clone(), table, names].concat(), size, address)
}

fn put(bytes: &mut [u8], offset: u32, part: &[u8]) {
    bytes[offset as usize..][..part.len()].copy_from_slice(part);
}

fn headers() -> NtHeaders {
    NtHeaders {
        machine: pe::IMAGE_FILE_MACHINE_AMD64,
        time_date_stamp: 0,
        characteristics: pe::IMAGE_FILE_EXECUTABLE_IMAGE | pe::IMAGE_FILE_LARGE_ADDRESS_AWARE,
        major_linker_version: 14,
        minor_linker_version: 0,
        address_of_entry_point: ENTRY,
        image_base: BASE,
        major_operating_system_version: 10,
        minor_operating_system_version: 0,
        major_image_version: 0,
        minor_image_version: 0,
        major_subsystem_version: 10,
        minor_subsystem_version: 0,
        subsystem: pe::IMAGE_SUBSYSTEM_NATIVE,
        dll_characteristics: pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE
            | pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA
            | pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT
            | pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY
            | pe::IMAGE_DLLCHARACTERISTICS_GUARD_CF,
        size_of_stack_reserve: 0,
        size_of_stack_commit: 0,
        size_of_heap_reserve: 0,
        size_of_heap_commit: 0,
    }
}
