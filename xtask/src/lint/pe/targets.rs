//! The targets of calls: functions of the image, imports, entries of KMDF's function table, or the one routine
//! that the entry point keeps.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{Code as Opcode, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::disassembly::Function;
use super::image::Section;
use super::{Code, Guard, Names, Pe, Report, Rule};

pub(super) const RULES: &[Rule] = &[
    (
        "calls-known",
        "every indirect call and jump leads to an import, a KMDF function, the kept unload routine or a jump table",
    ),
    (
        "calls-kept",
        "only the entry point stores the unload routine that it displaces, and it is the one pointer called",
    ),
    ("calls-guarded", "every call through a pointer that is no import goes through the guard of calls"),
    ("calls-binding", "the image binds to KMDF 1.15, with as many functions as that has"),
    ("calls-slots", "each slot of KMDF's function table that is called is a function of KMDF 1.15"),
];

/// The version of KMDF that the driver binds to.
const KMDF: [u32; 3] = [1, 15, 0];

/// How many copies from one register to another are followed back to what was loaded.
const COPIES: usize = 4;

/// The target of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Own(u32),
    Import(String),
    Kmdf(String),
    /// What was in `DriverUnload` when the entry point put its own routine there, kept in a variable.
    Kept(u32),
    /// A violation.
    Unknown,
}

/// A call, or a jump that takes its place.
pub(super) struct Call {
    /// The instruction, by index.
    pub(super) index: usize,
    pub(super) target: Target,
    pub(super) is_jump: bool,
}

/// The calls of each function, by its start.
pub(super) type Calls = BTreeMap<u32, Vec<Call>>;

/// What an address computation was found to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A variable of the image, by its address.
    Variable(u32),
    /// A slot of KMDF's function table.
    Slot(u64),
}

pub(super) fn check(
    pe: &Pe<'_>,
    code: &Code,
    guard: &Guard,
    kmdf: &[&str],
    names: &Names,
    report: &mut Report,
) -> Calls {
    let table = check_binding(pe, kmdf.len(), report);
    let (mut calls, mut called, mut kept) = (Calls::new(), BTreeSet::new(), BTreeSet::new());
    for function in code.functions.values() {
        let jumps = function.leaving.iter();
        let jumps =
            jumps.map(|(index, target)| Call { index: *index, target: Target::Own(*target), is_jump: true });
        let mut found: Vec<_> = jumps.collect();
        for (index, instruction) in function.instructions.iter().enumerate() {
            let is_jump = function.indirect_jumps.contains(&index);
            // The routine that guarded calls go through, and that the kernel replaces.
            if is_jump && Some(function.range.start) == guard.routine {
                continue;
            }
            let guarded = guard.dispatch.is_some() && function.relative(index) == guard.dispatch;
            let mut through = || {
                let target = target_of(pe, source(function, index, guarded, table), kmdf, report);
                report.check("calls-guarded", guarded || matches!(target, Target::Import(_)), || {
                    let name = names.of(function.range.start);
                    format!("{name} calls through a pointer past the guard, at {:#x}", function.rva(index))
                });
                target
            };
            let target = match instruction.flow_control() {
                FlowControl::Call => own(pe, code, instruction),
                FlowControl::IndirectCall => through(),
                FlowControl::IndirectBranch if is_jump => through(),
                _ => continue,
            };
            report.check("calls-known", target != Target::Unknown, || {
                let name = names.of(function.range.start);
                format!("{name} calls what is not known, at {:#x}", function.rva(index))
            });
            match &target {
                Target::Kmdf(name) => drop(called.insert(name.clone())),
                Target::Kept(variable) => drop(kept.insert(*variable)),
                _ => {}
            }
            found.push(Call { index, target, is_jump });
        }
        calls.insert(function.range.start, found);
    }
    check_kept(pe, code, &kept, names, report);
    report.figure("KMDF functions called", called.len());
    calls
}

/// The function of the image that an instruction calls.
fn own(pe: &Pe<'_>, code: &Code, instruction: &Instruction) -> Target {
    let target = u32::try_from(instruction.near_branch_target().wrapping_sub(pe.base)).ok();
    target.filter(|target| code.functions.contains_key(target)).map_or(Target::Unknown, Target::Own)
}

/// What is called through a pointer that is read from `source`.
fn target_of(pe: &Pe<'_>, source: Option<Source>, kmdf: &[&str], report: &mut Report) -> Target {
    match source {
        Some(Source::Slot(slot)) => {
            let name = usize::try_from(slot).ok().and_then(|slot| kmdf.get(slot));
            report.check("calls-slots", name.is_some(), || {
                format!("slot {slot} is called, and KMDF 1.15 has {}", kmdf.len())
            });
            name.map_or(Target::Unknown, |name| Target::Kmdf((*name).to_owned()))
        }
        Some(Source::Variable(variable)) => match pe.imports.get(&variable) {
            Some(import) => Target::Import(import.name.clone()),
            None if pe.section_at(variable).is_some_and(Section::is_writable) => Target::Kept(variable),
            None => Target::Unknown,
        },
        None => Target::Unknown,
    }
}

/// What the operand of a call or jump is read from.
fn source(function: &Function, index: usize, guarded: bool, table: Option<u32>) -> Option<Source> {
    let instruction = &function.instructions[index];
    // The guard takes the target in a register.
    let register = if guarded { Register::RAX } else { instruction.op0_register() };
    if !guarded && instruction.op0_kind() == OpKind::Memory {
        return read_from(function, index, table);
    }
    same(function, index, register, |at| {
        loads(&function.instructions[at]).then(|| read_from(function, at, table)).flatten()
    })
}

/// What the memory operand of an instruction is.
fn read_from(function: &Function, index: usize, table: Option<u32>) -> Option<Source> {
    if let Some(variable) = function.relative(index) {
        return Some(Source::Variable(variable));
    }
    let instruction = &function.instructions[index];
    let offset = instruction.memory_displacement64();
    if instruction.memory_index() != Register::None || !offset.is_multiple_of(8) {
        return None;
    }
    let base = same(function, index, instruction.memory_base(), |at| {
        loads(&function.instructions[at]).then(|| function.relative(at)).flatten()
    })?;
    (Some(base) == table).then_some(Source::Slot(offset / 8))
}

/// What every instruction that can have set the register agrees on.
fn same<T: PartialEq>(
    function: &Function,
    index: usize,
    register: Register,
    value: impl Fn(usize) -> Option<T>,
) -> Option<T> {
    same_through(function, index, register, COPIES, &value)
}

/// The same, through at most so many copies from one register to another.
fn same_through<T: PartialEq>(
    function: &Function,
    index: usize,
    register: Register,
    copies: usize,
    value: &impl Fn(usize) -> Option<T>,
) -> Option<T> {
    let of_origin = |at: usize| {
        let instruction = &function.instructions[at];
        if is_copy(instruction) && copies > 0 {
            return same_through(function, at, instruction.op1_register(), copies - 1, value);
        }
        value(at)
    };
    let values = function.origins(index, register)?.into_iter().map(of_origin).collect::<Option<Vec<_>>>()?;
    let mut values = values.into_iter();
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

fn is_copy(instruction: &Instruction) -> bool {
    let wide = matches!(instruction.code(), Opcode::Mov_r64_rm64 | Opcode::Mov_rm64_r64);
    wide && [instruction.op0_kind(), instruction.op1_kind()] == [OpKind::Register; 2]
}

fn loads(instruction: &Instruction) -> bool {
    instruction.mnemonic() == Mnemonic::Mov && instruction.op1_kind() == OpKind::Memory
}

/// Looks for the structure that the entry point hands to `WdfVersionBind`, by the name of the library in it, and
/// returns where KMDF puts the address of its function table.
fn check_binding(pe: &Pe<'_>, functions: usize, report: &mut Report) -> Option<u32> {
    let library: Vec<_> = "KmdfLibrary\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let named = |field: &&u32| {
        let text = pe.pointer_at(**field).and_then(|text| pe.data_at(text));
        text.is_some_and(|text| text.starts_with(&library))
    };
    // WDF_BIND_INFO: Size, Component at 8, Version at 16, FuncCount at 28, FuncTable at 32.
    let info = pe.relocated.iter().find(named).and_then(|field| field.checked_sub(8));
    let version = info.map(|info| [16, 20, 24].map(|offset| pe.u32_at(info + offset).unwrap_or_default()));
    let count = info.and_then(|info| pe.u32_at(info + 28)).unwrap_or_default();
    report.check("calls-binding", version == Some(KMDF) && count as usize == functions, || {
        format!(
            "the image binds to KMDF {version:?} with {count} functions, not to {KMDF:?} with {functions}"
        )
    });
    pe.pointer_at(info? + 32)
}

fn check_kept(pe: &Pe<'_>, code: &Code, kept: &BTreeSet<u32>, names: &Names, report: &mut Report) {
    report.check("calls-kept", kept.len() <= 1, || format!("the pointers at {kept:#x?} are called"));
    for function in code.functions.values().filter(|function| function.range.start != pe.entry) {
        for (index, instruction) in function.instructions.iter().enumerate() {
            let used = function.relative(index).is_some_and(|address| kept.contains(&address));
            // Anything but reading it: a store, or taking its address.
            let changed = instruction.mnemonic() == Mnemonic::Lea
                || instruction.op0_kind() == OpKind::Memory
                    && !matches!(
                        instruction.mnemonic(),
                        Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Call | Mnemonic::Jmp
                    );
            report.check("calls-kept", !(used && changed), || {
                let name = names.of(function.range.start);
                format!("{name} changes the pointer that is called, at {:#x}", function.rva(index))
            });
        }
    }
}
