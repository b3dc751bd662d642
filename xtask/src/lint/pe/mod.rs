//! The image against what Windows demands of a driver, and what this project promises of its own.
//!
//! * `header`, `sections`, `imports`, `relocations`: the file as the loader reads it
//! * `disassembly`: every function of the image, and where its control flow goes
//! * `targets`: where its indirect calls and jumps lead
//! * `code`, `unwind`, `stack`: the rules about what runs

mod code;
mod disassembly;
mod header;
mod image;
mod imports;
mod names;
mod relocations;
#[cfg(test)]
mod sample;
mod sections;
mod stack;
mod targets;
#[cfg(test)]
mod tests;
mod unwind;

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use self::code::Code;
use self::image::Pe;
use self::names::Names;
use super::{Report, Rule};
use crate::build::{self, Image};
use crate::exec;
use crate::workspace::Workspace;

/// The rules about the image.
pub(super) const RULES: [&[Rule]; 8] = [
    &header::RULES,
    &sections::RULES,
    &imports::RULES,
    &relocations::RULES,
    &unwind::RULES,
    &code::RULES,
    &targets::RULES,
    &stack::RULES,
];

/// What the image is held against that is not in it.
struct Expected<'a> {
    /// The functions of KMDF, by slot.
    kmdf: &'a [&'a str],
    /// Folders whose names must not be in the image.
    folders: &'a [String],
    /// What `llvm-readobj` prints of the imports.
    readobj: &'a str,
    /// The map that the linker wrote, empty where it wrote none.
    map: &'a str,
}

pub(super) fn check(workspace: &Workspace, image: &Image, report: &mut Report) -> Result<()> {
    let bytes = fs::read(&image.path).with_context(|| format!("cannot read {}", image.path.display()))?;
    let slots = exec::read(&workspace.facts().join("kmdf-1.15-slots.csv"))?;
    let home = std::env::home_dir();
    let folders = [Some(workspace.root.clone()), Some(workspace.target.clone()), home];
    let folders: Vec<_> =
        folders.iter().flatten().filter_map(|folder| folder.to_str().map(str::to_owned)).collect();
    let readobj = exec::stdout(Command::new(build::READOBJ).arg("--coff-imports").arg(&image.path))?;
    let map = fs::read_to_string(build::map(workspace, build::Arch::X64)).unwrap_or_default();
    let expected =
        Expected { kmdf: &build::kmdf_functions(&slots)?, folders: &folders, readobj: &readobj, map: &map };
    report.figure("rules of the image", RULES.iter().map(|rules| rules.len()).sum::<usize>());
    check_bytes(&bytes, &expected, report)
}

fn check_bytes(bytes: &[u8], expected: &Expected<'_>, report: &mut Report) -> Result<()> {
    let pe = Pe::parse(bytes)?;
    header::check(&pe, expected.folders, report)?;
    sections::check(&pe, report);
    imports::check(&pe, expected.readobj, report);
    relocations::check(&pe, report)?;
    let frames = unwind::check(&pe, report);
    let code = Code::read(&pe, &frames);
    let names = Names::new(&pe, &frames, expected.map);
    code::check(&pe, &code, &names, report);
    let calls = targets::check(&pe, &code, expected.kmdf, &names, report);
    stack::check(&code, &frames, &calls, &names, report);
    Ok(())
}
