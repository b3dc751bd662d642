//! The exports of ntoskrnl that drivers here are linked with: `crates/host/data/ntoskrnl.csv`.
//!
//! `for` names what needs one: `psimp` for psimp.sys, which then must import it, `psimp x64` for the one
//! for x86-64 alone, since the kernel of arm64 lacks it in some versions; `compiler` for calls that
//! compilers insert in some builds; `tests` for the other drivers of the host.

use std::fmt::Write;

use super::Arch;

const LIST: &str = include_str!("../../../crates/host/data/ntoskrnl.csv");

/// One row of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Export {
    pub(crate) name: &'static str,
    /// Whether it is a variable, not a routine.
    pub(crate) variable: bool,
    /// What needs it.
    pub(crate) needed_by: &'static str,
    /// What psimp.sys needs it for.
    pub(crate) why: &'static str,
}

impl Export {
    /// Whether psimp.sys needs it.
    pub(crate) fn is_for_psimp(self) -> bool {
        self.needed_by.starts_with("psimp")
    }
}

/// What drivers for an architecture are linked with.
pub(crate) fn exports(arch: Arch) -> impl Iterator<Item = Export> {
    list().filter(move |export| arch == Arch::X64 || export.needed_by != "psimp x64")
}

/// The whole list.
fn list() -> impl Iterator<Item = Export> {
    LIST.lines().skip(1).filter_map(|row| {
        let mut cells = row.splitn(5, ',');
        let (name, irql, _failure) = (cells.next()?, cells.next()?, cells.next()?);
        Some(Export { name, variable: irql == "variable", needed_by: cells.next()?, why: cells.next()? })
    })
}

/// The module definition that the import library is made from.
pub(crate) fn module_definition(arch: Arch) -> String {
    let mut text = String::from("LIBRARY ntoskrnl.exe\nEXPORTS\n");
    for Export { name, variable, .. } in exports(arch) {
        // The name of a CONSTANT stands for the import slot, which holds the variable's address.
        let _ = writeln!(text, "{name}{}", if variable { " CONSTANT" } else { "" });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Arch;
    use super::{LIST, list, module_definition};

    #[test]
    fn every_row_is_whole() {
        assert_eq!(LIST.lines().next(), Some("routine,highest IRQL,failure,for,why"));
        assert_eq!(list().count() + 1, LIST.lines().count(), "a row has too few cells");
        assert!(list().is_sorted_by(|one, next| one.name < next.name), "sorted by name, each once");
        for export in list() {
            assert!(["psimp", "psimp x64", "compiler", "tests"].contains(&export.needed_by), "{export:?}");
            assert_eq!(export.is_for_psimp(), !export.why.is_empty(), "{export:?}");
        }
    }

    #[test]
    fn variables_are_constants_to_the_linker() {
        let text = module_definition(Arch::X64);
        assert!(text.contains("\nPsThreadType CONSTANT\n") && text.contains("\nPsRevertToSelf\n"), "{text}");
    }

    #[test]
    fn the_current_irql_is_no_routine_of_every_kernel_for_arm64() {
        let text = [Arch::X64, Arch::Arm64].map(module_definition);
        assert!(
            text[0].contains("\nKeGetCurrentIrql\n") && !text[1].contains("KeGetCurrentIrql"),
            "{text:?}"
        );
        assert_eq!(text[0].lines().count(), text[1].lines().count() + 1);
    }
}
