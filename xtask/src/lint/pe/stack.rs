//! The most kernel stack that the driver uses, found by following every push and every call.

use std::collections::BTreeMap;

use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind, Register};
use object::LittleEndian as LE;
use object::pe;

use super::disassembly::Function;
use super::targets::{Call, Calls, Target};
use super::unwind::Frame;
use super::{Code, Names, Pe, Report, Rule};

pub(super) const RULES: &[Rule] = &[
    ("unwind-covers", "every function that calls, or moves the stack pointer, has unwind information"),
    ("unwind-agrees", "the unwind information of each frame agrees with the instructions"),
    ("stack-followed", "every change of the stack pointer is by a constant, the same on every way"),
    ("stack-balanced", "a function leaves the stack pointer as it found it"),
    ("stack-aligned", "the stack is aligned to 16 bytes at every call"),
    ("stack-recursion", "no function calls itself, directly or through others"),
    ("stack-limit", "the deepest path needs at most 4096 bytes"),
    ("stack-shadow", "the image is marked as fit for a shadow stack: the rules above show that it is"),
];

/// Bytes of stack that the driver may use.
///
/// A thread's kernel stack on x64 has six pages, and the documentation promises drivers about three. The system
/// service, the I/O manager, any filter and KMDF are above the driver on the same stack, and below it come the
/// object manager, the token code and the access check, which may take a page fault or an interrupt. One page is a
/// sixth of the whole, and a third of what is promised.
const LIMIT: u32 = 4096;

/// `IMAGE_DEBUG_TYPE_EX_DLLCHARACTERISTICS`, a debug directory's entry of further characteristics, and the one of them
/// that is wanted, `IMAGE_DLLCHARACTERISTICS_EX_CET_COMPAT`.
pub(super) const EX_DLLCHARACTERISTICS: u32 = 20;
const CET_COMPAT: u32 = 1;

/// The bytes of a return address.
const RETURN_ADDRESS: u32 = 8;

/// The stack as one function uses it.
struct Usage {
    /// Bytes below its return address, before each instruction that is reached.
    depths: BTreeMap<usize, u32>,
    deepest: u32,
}

pub(super) fn check(code: &Code, frames: &[Frame], calls: &Calls, names: &Names, report: &mut Report) {
    let mut usages = BTreeMap::new();
    for (start, function) in &code.functions {
        let name = names.of(*start);
        let usage = follow(function, &name, report);
        let calls = calls.get(start).map_or(&[][..], Vec::as_slice);
        check_calls(function, &usage, calls, &name, report);
        if let Some(frame) = frames.iter().find(|frame| frame.range.start == *start) {
            check_frame(function, &usage, frame, &name, report);
        } else {
            let is_leaf = usage.deepest == 0 && calls.iter().all(|call| call.is_jump);
            report.check("unwind-covers", is_leaf, || format!("{name} has no unwind information"));
        }
        usages.insert(*start, usage);
    }

    let mut paths = Paths { usages: &usages, calls, done: BTreeMap::new(), names, report };
    let deepest = code.roots.iter().map(|root| (paths.from(*root, &mut Vec::new()), *root));
    let Some((path, root)) = deepest.max_by_key(|(path, _)| path.bytes) else { return };
    let bytes = path.bytes + RETURN_ADDRESS;
    let mut entered = RETURN_ADDRESS;
    let mut lines = vec![format!("{entered:5} {}", names.of(root))];
    for (name, bytes) in &path.steps {
        entered += bytes;
        lines.push(format!("{entered:5} {name}"));
    }
    report.check("stack-limit", bytes <= LIMIT, || {
        format!("{bytes} bytes, more than {LIMIT}: {}", lines.join(", "))
    });
    report.figure("deepest stack in bytes", bytes);
    report.figure("deepest path, with the bytes on the stack at each entry", lines);
}

/// Looks for the mark, which is in the debug directory.
pub(super) fn check_mark(pe: &Pe<'_>, report: &mut Report) {
    let sections = pe.file.section_table();
    let directory = pe.file.data_directory(pe::IMAGE_DIRECTORY_ENTRY_DEBUG);
    let bytes = directory.and_then(|directory| directory.data(pe.bytes, &sections).ok()).unwrap_or_default();
    let entries = object::slice_from_all_bytes::<pe::ImageDebugDirectory>(bytes).unwrap_or_default();
    let mark = entries.iter().find(|entry| entry.typ.get(LE) == EX_DLLCHARACTERISTICS);
    let flags = mark.and_then(|entry| pe.u32_at(entry.address_of_raw_data.get(LE))).unwrap_or(0);
    let marked = flags & CET_COMPAT != 0;
    report.check("stack-shadow", marked, || format!("its further characteristics are {flags:#x}"));
}

/// Follows the stack pointer through a function, along every path.
fn follow(function: &Function, name: &str, report: &mut Report) -> Usage {
    let mut usage = Usage { depths: BTreeMap::new(), deepest: 0 };
    let (mut differs, mut lost, mut unbalanced) = (None, None, None);
    let mut pending = if function.instructions.is_empty() { Vec::new() } else { vec![(0, 0_u32)] };
    while let Some((index, depth)) = pending.pop() {
        if let Some(known) = usage.depths.get(&index) {
            differs = differs.or((*known != depth).then_some(index));
            continue;
        }
        usage.depths.insert(index, depth);
        let instruction = &function.instructions[index];
        let after = change(instruction).and_then(|change| depth.checked_add_signed(change));
        lost = lost.or(after.is_none().then_some(index));
        let after = after.unwrap_or(depth);
        usage.deepest = usage.deepest.max(after);
        let leaves = instruction.flow_control() == FlowControl::Return
            || function.leaving.iter().any(|(at, _)| *at == index)
            || function.indirect_jumps.contains(&index);
        unbalanced = unbalanced.or((leaves && depth != 0).then_some(index));
        pending.extend(function.successors[index].iter().map(|next| (*next, after)));
    }
    let at = |index: Option<usize>| function.rva(index.unwrap_or_default());
    report.check("stack-followed", lost.is_none(), || {
        format!("{name} moves its stack pointer at {:#x} in a way that is not followed", at(lost))
    });
    report.check("stack-followed", differs.is_none(), || {
        format!("{name} has another stack pointer at {:#x} on another way", at(differs))
    });
    report.check("stack-balanced", unbalanced.is_none(), || {
        format!("{name} leaves with something on its stack at {:#x}", at(unbalanced))
    });
    usage
}

/// By how much an instruction lets the stack grow, if that is a constant.
fn change(instruction: &Instruction) -> Option<i32> {
    match instruction.flow_control() {
        // What was pushed is gone again when the next instruction runs.
        FlowControl::Call | FlowControl::IndirectCall | FlowControl::Return => return Some(0),
        _ => {}
    }
    let implicit = instruction.stack_pointer_increment();
    if implicit != 0 {
        // `pop rsp` and the like load it from memory.
        return (instruction.op_count() == 0 || !is_stack_pointer(instruction.op0_register()))
            .then_some(-implicit);
    }
    if instruction.op0_kind() != OpKind::Register || !is_stack_pointer(instruction.op0_register()) {
        return Some(0);
    }
    match instruction.mnemonic() {
        Mnemonic::Cmp | Mnemonic::Test => Some(0),
        Mnemonic::Sub if is_immediate(instruction) => {
            i32::try_from(instruction.immediate(1).cast_signed()).ok()
        }
        Mnemonic::Add if is_immediate(instruction) => {
            i32::try_from(instruction.immediate(1).cast_signed()).ok()?.checked_neg()
        }
        Mnemonic::Lea
            if instruction.memory_base() == Register::RSP && instruction.memory_index() == Register::None =>
        {
            i32::try_from(instruction.memory_displacement64().cast_signed()).ok()?.checked_neg()
        }
        _ => None,
    }
}

fn is_stack_pointer(register: Register) -> bool {
    register.full_register() == Register::RSP
}

fn is_immediate(instruction: &Instruction) -> bool {
    !matches!(instruction.op1_kind(), OpKind::Register | OpKind::Memory)
}

fn check_calls(function: &Function, usage: &Usage, calls: &[Call], name: &str, report: &mut Report) {
    for call in calls.iter().filter(|call| !call.is_jump) {
        let Some(depth) = usage.depths.get(&call.index) else { continue };
        // The return address and the depth are on the stack, which was aligned before the one was pushed.
        report.check("stack-aligned", (depth + RETURN_ADDRESS).is_multiple_of(16), || {
            format!("{name} calls at {:#x} with {depth} bytes on the stack", function.rva(call.index))
        });
    }
}

fn check_frame(function: &Function, usage: &Usage, frame: &Frame, name: &str, report: &mut Report) {
    let mut expected = 0_u32;
    for (offset, bytes) in &frame.steps {
        expected = expected.saturating_add(*bytes);
        let at = frame.range.start + offset;
        let depth = function.index_at(at).and_then(|index| usage.depths.get(&index));
        report.check("unwind-agrees", depth == Some(&expected), || {
            format!(
                "{name} has {depth:?} bytes on the stack at {at:#x}, its unwind information says {expected}"
            )
        });
    }
    let (deepest, size) = (usage.deepest, frame.size());
    report.check("unwind-agrees", deepest == size, || {
        format!("{name} uses {deepest} bytes of stack, its unwind information says {size}")
    });
}

/// The deepest call path from a function, below its return address.
#[derive(Clone, Default)]
struct Path {
    bytes: u32,
    /// What is called, each with the bytes that the caller has on the stack by then.
    steps: Vec<(String, u32)>,
}

struct Paths<'a> {
    usages: &'a BTreeMap<u32, Usage>,
    calls: &'a Calls,
    done: BTreeMap<u32, Path>,
    names: &'a Names,
    report: &'a mut Report,
}

impl Paths<'_> {
    fn from(&mut self, start: u32, above: &mut Vec<u32>) -> Path {
        if let Some(path) = self.done.get(&start) {
            return path.clone();
        }
        let recursive = above.contains(&start);
        self.report.check("stack-recursion", !recursive, || {
            let circle: Vec<_> = above.iter().chain([&start]).map(|rva| self.names.of(*rva)).collect();
            format!("a function is called again before it returns: {}", circle.join(" -> "))
        });
        let (Some(usage), false) = (self.usages.get(&start), recursive) else { return Path::default() };
        let mut path = Path { bytes: usage.deepest, steps: Vec::new() };
        above.push(start);
        for call in self.calls.get(&start).into_iter().flatten() {
            let Some(depth) = usage.depths.get(&call.index) else { continue };
            let entered = depth + if call.is_jump { 0 } else { RETURN_ADDRESS };
            let (name, below) = match &call.target {
                Target::Own(callee) => (self.names.of(*callee), self.from(*callee, above)),
                Target::Import(name) | Target::Kmdf(name) => (name.clone(), Path::default()),
                Target::Kept(_) => ("KMDF's unload routine".to_owned(), Path::default()),
                Target::Unknown => ("?".to_owned(), Path::default()),
            };
            if entered + below.bytes > path.bytes {
                let mut steps = vec![(name, entered)];
                steps.extend(below.steps);
                path = Path { bytes: entered + below.bytes, steps };
            }
        }
        above.pop();
        self.done.insert(start, path.clone());
        path
    }
}
