//! One function's instructions, and which of them can follow which.

use std::collections::BTreeMap;
use std::ops::Range;

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpAccess, OpKind, Register,
};

use super::Pe;

/// A function, decoded from its start to its end.
pub(super) struct Function {
    pub(super) range: Range<u32>,
    /// Whether the exception directory has an entry for it.
    pub(super) has_unwind_info: bool,
    pub(super) instructions: Vec<Instruction>,
    /// For each instruction, those that can come next, by index.
    pub(super) successors: Vec<Vec<usize>>,
    /// Branches that leave the function, with their targets.
    pub(super) leaving: Vec<(usize, u32)>,
    /// Jumps through a register or memory that are no jump tables.
    pub(super) indirect_jumps: Vec<usize>,
    base: u64,
}

/// Registers that a call may change.
const VOLATILE: &[Register] =
    &[Register::RAX, Register::RCX, Register::RDX, Register::R8, Register::R9, Register::R10, Register::R11];

impl Function {
    /// Decodes everything in the range.
    pub(super) fn decode(pe: &Pe<'_>, range: Range<u32>, has_unwind_info: bool) -> Self {
        let bytes = pe.data_at(range.start).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min(range.len())];
        let ip = pe.base + u64::from(range.start);
        let instructions = Decoder::with_ip(64, bytes, ip, DecoderOptions::NONE).into_iter().collect();
        Self::connect(pe, range, has_unwind_info, instructions)
    }

    /// Decodes a function whose end is written nowhere: as far as its own branches show that it goes, and at
    /// most up to `limit`.
    pub(super) fn decode_leaf(pe: &Pe<'_>, start: u32, limit: u32) -> Self {
        let bytes = pe.data_at(start).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min((limit - start) as usize)];
        let mut instructions = Vec::new();
        let (mut end, mut furthest) = (start, start);
        for instruction in Decoder::with_ip(64, bytes, pe.base + u64::from(start), DecoderOptions::NONE) {
            end = rva(instruction.next_ip(), pe.base);
            instructions.push(instruction);
            if let Some(target) = branch_target(&instruction, pe.base) {
                // Further away is another function.
                if instruction.flow_control() == FlowControl::ConditionalBranch && target < limit {
                    furthest = furthest.max(target);
                }
            }
            let goes_on = matches!(
                instruction.flow_control(),
                FlowControl::Next
                    | FlowControl::ConditionalBranch
                    | FlowControl::Call
                    | FlowControl::IndirectCall
            );
            if !goes_on && furthest < end {
                break;
            }
        }
        Self::connect(pe, start..end, false, instructions)
    }

    fn connect(
        pe: &Pe<'_>,
        range: Range<u32>,
        has_unwind_info: bool,
        instructions: Vec<Instruction>,
    ) -> Self {
        let count = instructions.len();
        let mut function = Self {
            range,
            has_unwind_info,
            instructions,
            successors: vec![Vec::new(); count],
            leaving: Vec::new(),
            indirect_jumps: Vec::new(),
            base: pe.base,
        };
        let mut indirect = Vec::new();
        for (index, instruction) in function.instructions.clone().iter().enumerate() {
            let flow = instruction.flow_control();
            if let Some(target) = branch_target(instruction, pe.base) {
                match function.index_at(target) {
                    Some(next) => function.successors[index].push(next),
                    None => function.leaving.push((index, target)),
                }
            }
            match flow {
                FlowControl::Next
                | FlowControl::ConditionalBranch
                | FlowControl::Call
                | FlowControl::IndirectCall => {
                    if index + 1 < count {
                        function.successors[index].push(index + 1);
                    } else {
                        function.leaving.push((index, function.range.end));
                    }
                }
                FlowControl::IndirectBranch => indirect.push(index),
                _ => {}
            }
        }
        // What is still unconnected can add ways to a jump table, never take one away: the tables are
        // recognised by the instructions just before the jump.
        for index in indirect {
            match function.jump_table(pe, index) {
                Some(targets) => function.successors[index] = targets,
                None => function.indirect_jumps.push(index),
            }
        }
        function
    }

    /// Where an instruction is.
    pub(super) fn rva(&self, index: usize) -> u32 {
        rva(self.instructions[index].ip(), self.base)
    }

    /// The instruction that begins at an address.
    pub(super) fn index_at(&self, rva: u32) -> Option<usize> {
        let ip = self.base + u64::from(rva);
        self.instructions.binary_search_by_key(&ip, Instruction::ip).ok()
    }

    /// The address that an operand relative to the instruction pointer means.
    pub(super) fn relative(&self, index: usize) -> Option<u32> {
        let instruction = &self.instructions[index];
        instruction.is_ip_rel_memory_operand().then(|| rva(instruction.ip_rel_memory_address(), self.base))
    }

    /// The instructions before each, by index.
    pub(super) fn predecessors(&self) -> Vec<Vec<usize>> {
        let mut predecessors = vec![Vec::new(); self.instructions.len()];
        for (index, successors) in self.successors.iter().enumerate() {
            for next in successors {
                predecessors[*next].push(index);
            }
        }
        predecessors
    }

    /// The instructions that can have set a register as it is before an instruction; none if one of them may be
    /// the caller or a function called in between.
    pub(super) fn origins(&self, index: usize, register: Register) -> Option<Vec<usize>> {
        let register = register.full_register();
        let predecessors = self.predecessors();
        let mut info = InstructionInfoFactory::new();
        let (mut origins, mut seen) = (Vec::new(), vec![false; self.instructions.len()]);
        if index == 0 {
            return None;
        }
        let mut pending = predecessors[index].clone();
        while let Some(at) = pending.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let instruction = &self.instructions[at];
            let calls = matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall);
            if calls && VOLATILE.contains(&register) {
                return None;
            }
            let mut written = info.info(instruction).used_registers().iter().filter(|used| {
                used.register().full_register() == register
                    && matches!(
                        used.access(),
                        OpAccess::Write | OpAccess::ReadWrite | OpAccess::CondWrite | OpAccess::ReadCondWrite
                    )
            });
            if written.next().is_some() {
                origins.push(at);
            } else if at == 0 {
                return None;
            } else {
                pending.extend(&predecessors[at]);
            }
        }
        (!origins.is_empty()).then_some(origins)
    }

    /// The only instruction that can have set the register.
    fn origin(&self, index: usize, register: Register) -> Option<usize> {
        match self.origins(index, register)?[..] {
            [origin] => Some(origin),
            _ => None,
        }
    }

    /// Where a jump through a table of offsets goes: `movsxd a, [table + index * 4]`, `add a, table`, `jmp a`. Where
    /// the table ends is not looked up: it goes on as long as its entries are instructions of this function.
    fn jump_table(&self, pe: &Pe<'_>, jump: usize) -> Option<Vec<usize>> {
        let register = self.instructions[jump].op0_register();
        let add = self.origin(jump, register)?;
        let sum = &self.instructions[add];
        if sum.mnemonic() != iced_x86::Mnemonic::Add || sum.op1_kind() != OpKind::Register {
            return None;
        }
        let parts = [self.origin(add, sum.op0_register())?, self.origin(add, sum.op1_register())?];
        let mnemonic = |part: &&usize| self.instructions[**part].mnemonic();
        let load = *parts.iter().find(|part| mnemonic(part) == iced_x86::Mnemonic::Movsxd)?;
        let lea = *parts.iter().find(|part| mnemonic(part) == iced_x86::Mnemonic::Lea)?;
        let (load, table) = (&self.instructions[load], self.relative(lea)?);
        if load.memory_index_scale() != 4 || load.memory_displacement64() != 0 {
            return None;
        }
        // A table that can be written could send the jump anywhere.
        if pe.section_at(table)?.is_writable() {
            return None;
        }
        let entry = |number: u32| {
            let offset = pe.u32_at(table.checked_add(number.checked_mul(4)?)?)?;
            self.index_at(table.wrapping_add(offset))
        };
        let mut targets: Vec<_> = (0..).map_while(entry).collect();
        targets.sort_unstable();
        targets.dedup();
        (!targets.is_empty()).then_some(targets)
    }
}

/// The target of a direct jump.
pub(super) fn branch_target(instruction: &Instruction, base: u64) -> Option<u32> {
    let jumps = matches!(
        instruction.flow_control(),
        FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
    );
    (jumps && instruction.op0_kind() == OpKind::NearBranch64)
        .then(|| rva(instruction.near_branch_target(), base))
}

/// Every address that an instruction calls, or takes to pass on: a direct call's target or that of a `lea`.
pub(super) fn address_used(instruction: &Instruction, base: u64) -> Option<(u32, bool)> {
    if instruction.flow_control() == FlowControl::Call && instruction.op0_kind() == OpKind::NearBranch64 {
        return Some((rva(instruction.near_branch_target(), base), false));
    }
    let taken = instruction.mnemonic() == iced_x86::Mnemonic::Lea && instruction.is_ip_rel_memory_operand();
    taken.then(|| (rva(instruction.ip_rel_memory_address(), base), true))
}

/// Functions by their starts.
pub(super) type Functions = BTreeMap<u32, Function>;

/// An address relative to the image; what is outside becomes an address that no section has.
fn rva(address: u64, base: u64) -> u32 {
    u32::try_from(address.wrapping_sub(base)).unwrap_or(u32::MAX)
}
