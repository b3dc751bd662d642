//! The imports compared with the list of wanted ones.

use std::collections::BTreeSet;

use object::pe;

use super::{Pe, Report, Rule};
use crate::build::{Arch, ntoskrnl};

pub(super) const RULES: &[Rule] = &[
    ("imports-library", "the image imports from the kernel and from the loader of KMDF, nothing else"),
    ("imports-by-name", "it imports by name: ordinals differ from build to build of Windows"),
    ("imports-allowed", "it imports nothing but what is on its architecture's list, with its reason"),
    ("imports-used", "it imports everything on the list, so that the list says what the driver can call"),
    (
        "imports-no-bug-check",
        "it does not import the routine that the panic handler calls: no panic is reachable",
    ),
    ("imports-kmdf", "it binds to KMDF"),
    ("imports-agree", "another reader, llvm-readobj, sees the same imports"),
    ("imports-protected", "the import address table is in a section that is neither writable nor executable"),
];

const KERNEL: &str = "ntoskrnl.exe";
const LOADER: &str = "WDFLDR.SYS";

/// The panic handler calls it, so importing it would show that the linker found a way to a panic.
const PANIC: &str = "KeBugCheckEx";

/// The driver's imports from the framework's loader, and their purposes.
const OF_LOADER: &[(&str, &str)] = &[
    ("WdfVersionBind", "binds to KMDF 1.15"),
    ("WdfVersionUnbind", "unbinds when loading fails, and at unload"),
];

/// The imports that the driver must have, and their purposes. None is an allocator: the driver allocates nothing
/// itself.
fn required(arch: Arch) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let of_kernel = ntoskrnl::exports(arch).filter(|export| export.is_for_psimp());
    let of_loader = OF_LOADER.iter().map(|(name, why)| (LOADER, *name, *why));
    of_kernel.map(|export| (KERNEL, export.name, export.why)).chain(of_loader)
}

/// What is on the list.
#[cfg(test)]
pub(super) fn wanted(arch: Arch) -> impl Iterator<Item = (&'static str, &'static str)> {
    required(arch).map(|(library, name, _)| (library, name))
}

pub(super) fn check(pe: &Pe<'_>, arch: Arch, readobj: &str, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for import in pe.imports.values() {
        let (library, name) = (import.from.as_str(), import.name.as_str());
        report.check("imports-library", [KERNEL, LOADER].contains(&library), || {
            format!("the image imports from {library}")
        });
        report.check("imports-by-name", !import.by_ordinal, || {
            format!("the image imports {name} of {library} by its ordinal")
        });
        let of_compiler =
            ntoskrnl::exports(arch).any(|export| export.needed_by == "compiler" && export.name == name);
        let allowed = required(arch).any(|(from, required, _)| (from, required) == (library, name))
            || library == KERNEL && of_compiler;
        report.check("imports-allowed", allowed, || format!("the image imports {library}!{name}"));
        report.check("imports-no-bug-check", name != PANIC, || {
            format!("a panic is reachable: the image imports {PANIC}")
        });
        seen.insert(name);
    }
    for (library, name, why) in required(arch) {
        report.check("imports-used", seen.contains(name), || {
            format!("the list has {library}!{name} ({why}), which the image does not import")
        });
    }
    report.check("imports-kmdf", seen.contains("WdfVersionBind"), || {
        "the image does not bind to KMDF".to_owned()
    });

    let symbols = readobj.lines().filter_map(|line| line.trim().strip_prefix("Symbol: ")?.split_once(" ("));
    let other: BTreeSet<_> = symbols.map(|(name, _)| name).collect();
    report.check("imports-agree", seen == other, || format!("llvm-readobj sees other imports: {other:?}"));

    let table = pe.directory(pe::IMAGE_DIRECTORY_ENTRY_IAT).unwrap_or_default();
    for (slot, import) in &pe.imports {
        let section = pe.section_at(*slot);
        let constant = section.is_some_and(|section| !section.runs() && !section.is_writable());
        report.check("imports-protected", constant && table.contains(slot), || {
            format!("the address of {} is kept at {slot:#x}, where it can be changed", import.name)
        });
    }
    report.figure("imports", seen.len());
}
