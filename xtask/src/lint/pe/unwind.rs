//! The exception directory: which functions there are, and how their frames are undone.

use std::ops::Range;

use object::pe;
use pe_unwind_info::x86_64::{FunctionTableEntries, UnwindInfo, UnwindOperation};

use super::{Pe, Report, Rule};

pub(super) const RULES: &[Rule] = &[
    ("unwind-table", "the exception directory is whole, inside the section .pdata"),
    ("unwind-sorted", "its entries are in order and do not overlap, as the binary search for one needs it"),
    ("unwind-inside", "each is of code, with its unwind information among the constants"),
    ("unwind-version", "the unwind information has a version and a place that the kernel can read"),
    ("unwind-flags", "no function has an exception handler or is in pieces: nothing in the driver unwinds"),
    ("unwind-codes", "the codes can be read to their end, in order, and are of the function's beginning"),
];

/// A function as its unwind information describes it.
pub(super) struct Frame {
    pub(super) range: Range<u32>,
    /// What the function does to its stack: the offset after the instruction that does it, and the bytes.
    pub(super) steps: Vec<(u32, u32)>,
}

impl Frame {
    /// The bytes below the return address.
    pub(super) fn size(&self) -> u32 {
        self.steps.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}

/// Checks the table and returns what could be read of it.
pub(super) fn check(pe: &Pe<'_>, report: &mut Report) -> Vec<Frame> {
    let directory = pe.directory(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION).unwrap_or_default();
    let section = pe.section_at(directory.start).filter(|section| section.name == ".pdata");
    let bytes = section.and_then(|_| pe.data_at(directory.start)?.get(..directory.len()));
    let table = bytes.map(FunctionTableEntries::parse);
    let entries = table.and_then(|table| table.functions()).unwrap_or_default();
    report.check("unwind-table", !entries.is_empty(), || {
        format!("the exception directory is at {directory:#x?}, no table of functions in .pdata")
    });

    let mut frames = Vec::new();
    let mut end = 0;
    for entry in entries {
        let range = entry.begin_address.get()..entry.end_address.get();
        report.check("unwind-sorted", !range.is_empty() && end <= range.start, || {
            format!("the entry of {range:#x?} comes after {end:#x}")
        });
        end = range.end;
        let info = entry.unwind_info_address.get();
        let constant = pe.section_at(info).is_some_and(|section| !section.runs() && !section.is_writable());
        let code = pe
            .section_at(range.start)
            .is_some_and(|section| section.runs() && range.end <= section.range.end);
        report.check("unwind-inside", code && constant, || {
            format!("the entry of {range:#x?} has its unwind information at {info:#x}")
        });
        let parsed = pe.data_at(info).and_then(UnwindInfo::parse);
        report.check("unwind-version", parsed.is_some() && info.is_multiple_of(4), || {
            format!("the unwind information of {range:#x?}, at {info:#x}, has no known version")
        });
        let Some(parsed) = parsed else { continue };
        report.check("unwind-flags", parsed.flags_raw() == 0, || {
            format!("the unwind information of {range:#x?} has the flags {:#x}", parsed.flags_raw())
        });
        let steps = steps(&parsed, range.len());
        report.check("unwind-codes", steps.is_some(), || {
            format!("the unwind codes of {range:#x?} cannot be read to their end")
        });
        frames.push(Frame { range, steps: steps.unwrap_or_default() });
    }
    frames
}

/// The steps in the order in which the function takes them.
fn steps(info: &UnwindInfo<'_>, length: usize) -> Option<Vec<(u32, u32)>> {
    let mut operations = info.unwind_operations();
    let (mut steps, mut last) = (Vec::new(), info.prolog_size);
    if usize::from(info.prolog_size) > length {
        return None;
    }
    // The iterator stops at the end and at what it cannot read; only then are codes left.
    while operations.unwind_code().is_some() {
        let (offset, operation) = operations.next()?;
        // Latest first: what was done last is undone first.
        if offset > last {
            return None;
        }
        last = offset;
        match operation {
            UnwindOperation::PopNonVolatile(_) => steps.push((u32::from(offset), 8)),
            UnwindOperation::UnStackAlloc(bytes) => steps.push((u32::from(offset), bytes)),
            UnwindOperation::ReadNonVolatile(..) | UnwindOperation::ReadXMM(..) => {}
            // A frame pointer, a trap frame or a second kind of epilogue: the compilers here make none, and the
            // figures for the stack would not hold.
            UnwindOperation::RestoreSPFromFP
            | UnwindOperation::PopMachineFrame { .. }
            | UnwindOperation::EpilogInformation(_) => return None,
        }
    }
    steps.reverse();
    Some(steps)
}
