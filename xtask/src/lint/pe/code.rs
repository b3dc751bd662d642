//! All code of the image: that it can be read as a whole, always returns, and holds no trap.

use std::collections::BTreeSet;

use iced_x86::{
    Code as Opcode, CpuidFeature, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory,
    Mnemonic, UsedRegister,
};

use super::disassembly::{Function, Functions, address_used, branch_target};
use super::unwind::Frame;
use super::{Names, Pe, Report, Rule};

pub(super) const RULES: &[Rule] = &[
    ("code-decodes", "every byte of a function is part of a valid instruction"),
    ("code-gaps", "there is only padding between functions, so that all code was checked"),
    ("code-branches", "every branch goes to an instruction of its own function, or to where another begins"),
    ("code-reached", "every instruction of a function but padding is reached from its start"),
    ("code-traps", "there is no ud2, int3, int 29h or other trap in a function"),
    (
        "code-returns",
        "a return is reached from every instruction: no endless loop, no call that never returns",
    ),
    ("code-privileged", "there is no instruction that only the kernel proper has a use for"),
    (
        "code-registers",
        "there is no x87, MMX or AVX instruction: the kernel saves none of their registers for a driver",
    ),
];

/// All functions, and which of them can be entered from outside the image.
pub(super) struct Code {
    pub(super) functions: Functions,
    /// The entry point, exports, and functions whose address is taken.
    pub(super) roots: BTreeSet<u32>,
}

impl Code {
    /// Starts from every function that is known and follows what they call.
    pub(super) fn read(pe: &Pe<'_>, known: &[Frame]) -> Self {
        let mut roots = pe.roots();
        let mut functions: Functions = known
            .iter()
            .map(|frame| &frame.range)
            .filter(|range| pe.runs(range.start))
            .map(|range| (range.start, Function::decode(pe, range.clone(), true)))
            .collect();
        let mut pending: BTreeSet<u32> = roots.clone();
        for function in functions.values() {
            pending.extend(used_by(pe, function, &mut roots));
        }
        while let Some(start) = pending.pop_first() {
            let covered = functions.values().any(|function| function.range.contains(&start));
            if covered || !pe.runs(start) {
                continue;
            }
            let limit = functions.range(start..).next().map(|(next, _)| *next);
            let limit =
                limit.or_else(|| pe.section_at(start).map(|section| section.range.end)).unwrap_or(start);
            let leaf = Function::decode_leaf(pe, start, limit);
            pending.extend(used_by(pe, &leaf, &mut roots));
            functions.insert(start, leaf);
        }
        Self { functions, roots }
    }
}

/// The functions that one calls, jumps to or takes the address of.
fn used_by(pe: &Pe<'_>, function: &Function, roots: &mut BTreeSet<u32>) -> Vec<u32> {
    let mut used: Vec<_> = function.leaving.iter().map(|(_, target)| *target).collect();
    for instruction in &function.instructions {
        if let Some((address, taken)) = address_used(instruction, pe.base) {
            if taken && pe.runs(address) {
                roots.insert(address);
            }
            used.push(address);
        }
    }
    // A function that runs off its end reaches padding, which is no function.
    used.retain(|address| pe.runs(*address) && *address != function.range.end);
    used
}

pub(super) fn check(pe: &Pe<'_>, code: &Code, names: &Names, report: &mut Report) {
    let mut info = InstructionInfoFactory::new();
    for function in code.functions.values() {
        let name = names.of(function.range.start);
        let mut none = |rule, mut is_bad: Box<dyn FnMut(&Instruction) -> bool + '_>| {
            let bad = function.instructions.iter().position(&mut is_bad);
            report.check(rule, bad.is_none(), || {
                let bad = bad.unwrap_or_default();
                format!("{name} has {:?} at {:#x}", function.instructions[bad].code(), function.rva(bad))
            });
        };
        none("code-decodes", Box::new(Instruction::is_invalid));
        none("code-traps", Box::new(traps));
        none("code-privileged", Box::new(is_privileged));
        none("code-registers", Box::new(|instruction| has_foreign_registers(instruction, &mut info)));
        check_flow(pe, code, function, &name, report);
    }
    check_gaps(pe, code, report);
    let leaves = code.functions.values().filter(|function| !function.has_unwind_info).count();
    let instructions: usize = code.functions.values().map(|function| function.instructions.len()).sum();
    let roots = code.roots.iter().map(|root| names.of(*root)).collect::<Vec<_>>();
    report.figure("functions", code.functions.len());
    report.figure("functions without a frame", leaves);
    report.figure("instructions", instructions);
    report.figure("functions entered from outside", roots);
}

fn traps(instruction: &Instruction) -> bool {
    let flow = matches!(instruction.flow_control(), FlowControl::Interrupt | FlowControl::Exception);
    flow && !instruction.is_invalid() || instruction.code() == Opcode::Hlt
}

fn is_privileged(instruction: &Instruction) -> bool {
    let enters = [Mnemonic::Syscall, Mnemonic::Sysenter, Mnemonic::Sysret, Mnemonic::Sysexit];
    instruction.is_privileged() || enters.contains(&instruction.mnemonic())
}

fn has_foreign_registers(instruction: &Instruction, info: &mut InstructionInfoFactory) -> bool {
    let mut used = info.info(instruction).used_registers().iter().map(UsedRegister::register);
    let foreign = used.any(|register| {
        let wide = register.is_ymm() || register.is_zmm() || register.is_k() || register.is_tmm();
        wide || register.is_st() || register.is_mm()
    });
    foreign || instruction.cpuid_features().contains(&CpuidFeature::FPU)
}

fn check_flow(pe: &Pe<'_>, code: &Code, function: &Function, name: &str, report: &mut Report) {
    let end = function.instructions.last().map(Instruction::next_ip);
    let whole = end == Some(pe.base + u64::from(function.range.end));
    report.check("code-decodes", whole, || format!("{name} does not end with an instruction"));
    let astray = function.leaving.iter().find(|(index, target)| {
        let runs_on = branch_target(&function.instructions[*index], pe.base) != Some(*target);
        runs_on || !code.functions.contains_key(target)
    });
    report.check("code-branches", astray.is_none(), || {
        let (index, target) = astray.copied().unwrap_or_default();
        format!("{name} goes on from {:#x} to {target:#x}, where no function begins", function.rva(index))
    });

    let first = (!function.instructions.is_empty()).then_some(0);
    let reached = walk(first, |index| &function.successors[index]);
    let padding = |index: usize| function.instructions[index].mnemonic() == Mnemonic::Nop;
    let lost = (0..function.instructions.len()).find(|index| !reached.contains(index) && !padding(*index));
    report.check("code-reached", lost.is_none(), || {
        format!("{name} has no way to {:#x}", function.rva(lost.unwrap_or_default()))
    });

    let returns = |index: &usize| function.instructions[*index].flow_control() == FlowControl::Return;
    let leaving =
        function.leaving.iter().map(|(index, _)| *index).chain(function.indirect_jumps.iter().copied());
    let exits = (0..function.instructions.len()).filter(returns).chain(leaving);
    let predecessors = function.predecessors();
    let returning = walk(exits, |index| &predecessors[index]);
    let stuck = reached.iter().find(|index| !returning.contains(index));
    report.check("code-returns", stuck.is_none(), || {
        format!("{name} never returns from {:#x}", function.rva(*stuck.unwrap_or(&0)))
    });
}

/// All that can be reached from some indices.
fn walk<'a>(from: impl IntoIterator<Item = usize>, next: impl Fn(usize) -> &'a [usize]) -> BTreeSet<usize> {
    let mut pending: Vec<_> = from.into_iter().collect();
    let mut reached = BTreeSet::new();
    while let Some(index) = pending.pop() {
        if reached.insert(index) {
            pending.extend(next(index));
        }
    }
    reached
}

/// Between functions there are only `int3` and `nop`.
fn check_gaps(pe: &Pe<'_>, code: &Code, report: &mut Report) {
    for section in pe.sections.iter().filter(|section| section.runs()) {
        let mut position = section.range.start;
        let inside = code.functions.range(section.range.clone()).map(|(_, function)| function.range.clone());
        let end = section.range.end..section.range.end;
        for range in inside.chain([end]) {
            let gap = position..range.start.max(position);
            let bytes = &section.data[index_of(section, gap.start)..index_of(section, gap.end)];
            let mut instructions = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE).into_iter();
            let padding = instructions
                .all(|instruction| matches!(instruction.mnemonic(), Mnemonic::Int3 | Mnemonic::Nop));
            report.check("code-gaps", padding && range.start >= position, || {
                format!("what is at {gap:#x?} is neither part of one function nor padding")
            });
            position = position.max(range.end);
        }
    }
}

fn index_of(section: &super::image::Section<'_>, rva: u32) -> usize {
    ((rva - section.range.start) as usize).min(section.data.len())
}
