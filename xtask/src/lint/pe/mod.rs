//! Checks the image: what Windows requires of a driver, and what this project requires of its own.
//!
//! * `header`, `version`, `sections`, `imports`, `relocations`: the file as the loader reads it
//! * `disassembly`: every function of the image, and where its control flow goes
//! * `guard`: the table of what may be called through a pointer
//! * `targets`: where its indirect calls and jumps lead
//! * `code`, `unwind`, `stack`: the rules about what runs
//!
//! All of that is done for x86-64. Of an image for arm64 the file is read in the same way; its code is not followed,
//! but read word by word (`arm64`), and the rules that are left are reported as not applicable.

mod arm64;
mod code;
mod disassembly;
mod guard;
mod header;
mod image;
mod imports;
mod names;
mod relocations;
#[cfg(test)]
mod sample;
mod sections;
mod stack;
mod symbols;
mod targets;
#[cfg(test)]
mod tests;
mod unwind;
mod version;

use std::fs;

use anyhow::{Context, Result};

use self::code::Code;
use self::guard::Guard;
use self::image::Pe;
use self::names::Names;
pub(crate) use self::symbols::clear as clear_symbols;
use super::{Report, Rule};
use crate::build::{self, Arch, Image, Tool};
use crate::exec;
use crate::workspace::Workspace;

/// The rules about the image.
pub(super) const RULES: &[&[Rule]] = &[
    header::RULES,
    version::RULES,
    sections::RULES,
    imports::RULES,
    relocations::RULES,
    guard::RULES,
    guard::OF_CODE,
    unwind::RULES,
    code::RULES,
    targets::RULES,
    stack::RULES,
];

/// Those that need code to be followed.
const OF_CODE: &[&[Rule]] = &[guard::OF_CODE, unwind::RULES, code::RULES, targets::RULES, stack::RULES];

/// The rules that do not apply to an image for this architecture.
pub(super) fn not_applicable(arch: Arch) -> impl Iterator<Item = &'static str> {
    let of_code = OF_CODE.iter().copied().flatten().map(|(name, _)| *name);
    of_code.filter(move |name| arch != Arch::X64 && !arm64::RULES.contains(name))
}

/// What the image is compared with.
struct Expected<'a> {
    /// What the image is for.
    arch: Arch,
    /// The functions of KMDF, by slot.
    kmdf: &'a [&'a str],
    /// Folders whose names must not be in the image.
    folders: &'a [String],
    /// What `llvm-readobj` prints of the imports.
    readobj: &'a str,
    /// The map that the linker wrote, empty where it wrote none.
    map: &'a str,
}

pub(super) fn check(workspace: &Workspace, image: &Image, arch: Arch, report: &mut Report) -> Result<()> {
    let bytes = fs::read(&image.path).with_context(|| format!("cannot read {}", image.path.display()))?;
    let slots = exec::read(&workspace.facts().join("kmdf-1.15-slots.csv"))?;
    let home = std::env::home_dir();
    let folders = [Some(workspace.root.clone()), Some(workspace.target.clone()), home];
    let folders: Vec<_> =
        folders.iter().flatten().filter_map(|folder| folder.to_str().map(str::to_owned)).collect();
    let readobj = exec::stdout(Tool::Readobj.command()?.arg("--coff-imports").arg(&image.path))?;
    let map = fs::read_to_string(build::map(workspace, arch)).unwrap_or_default();
    let expected = Expected {
        arch,
        kmdf: &build::kmdf_functions(&slots)?,
        folders: &folders,
        readobj: &readobj,
        map: &map,
    };
    let not_applicable: Vec<_> = not_applicable(arch).collect();
    let rules = RULES.iter().map(|rules| rules.len()).sum::<usize>();
    report.figure("rules of the image", rules - not_applicable.len());
    if !not_applicable.is_empty() {
        report.figure("rules not applicable", not_applicable.len());
        report.figure("not applicable, because the code is not followed", not_applicable);
    }
    check_bytes(&bytes, &expected, report)
}

fn check_bytes(bytes: &[u8], expected: &Expected<'_>, report: &mut Report) -> Result<()> {
    let pe = Pe::parse(bytes)?;
    header::check(&pe, expected.arch, expected.folders, report)?;
    version::check(&pe, report);
    sections::check(&pe, report);
    imports::check(&pe, expected.arch, expected.readobj, report);
    relocations::check(&pe, report)?;
    let guard = guard::check(&pe, expected.arch, report);
    match expected.arch {
        Arch::X64 => check_code(&pe, &guard, expected, report),
        Arch::Arm64 => {
            guard::check_complete(&guard, &pe.roots(), &Names::new(&pe, &[], ""), report);
            arm64::check(&pe, report);
        }
    }
    Ok(())
}

/// Follows all code for x86-64.
fn check_code(pe: &Pe<'_>, guard: &Guard, expected: &Expected<'_>, report: &mut Report) {
    let frames = unwind::check(pe, report);
    let code = Code::read(pe, &frames);
    let names = Names::new(pe, &frames, expected.map);
    code::check(pe, &code, &names, report);
    guard::check_complete(guard, &code.roots, &names, report);
    guard::check_starts(guard, |rva| code.functions.contains_key(&rva), report);
    let calls = targets::check(pe, &code, guard, expected.kmdf, &names, report);
    stack::check_mark(pe, report);
    stack::check(&code, &frames, &calls, &names, report);
}
