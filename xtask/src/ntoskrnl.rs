//! The exports of ntoskrnl that drivers here are linked with: `crates/host/data/ntoskrnl.csv`.
//!
//! `for` names what needs one: `psimp` for psimp.sys, which then must import it; `compiler` for calls
//! that compilers insert in some builds; `tests` for the other drivers of the host.

use std::fmt::Write;

const LIST: &str = include_str!("../../crates/host/data/ntoskrnl.csv");

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

/// The whole list.
pub(crate) fn exports() -> impl Iterator<Item = Export> {
    LIST.lines().skip(1).filter_map(|row| {
        let mut cells = row.splitn(5, ',');
        let (name, irql, _failure) = (cells.next()?, cells.next()?, cells.next()?);
        Some(Export { name, variable: irql == "variable", needed_by: cells.next()?, why: cells.next()? })
    })
}

/// The module definition that the import library is made from.
pub(crate) fn module_definition() -> String {
    let mut text = String::from("LIBRARY ntoskrnl.exe\nEXPORTS\n");
    for Export { name, variable, .. } in exports() {
        // The name of a CONSTANT stands for the import slot, which holds the variable's address.
        let _ = writeln!(text, "{name}{}", if variable { " CONSTANT" } else { "" });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{LIST, exports, module_definition};

    #[test]
    fn every_row_is_whole() {
        assert_eq!(LIST.lines().next(), Some("routine,highest IRQL,failure,for,why"));
        assert_eq!(exports().count() + 1, LIST.lines().count(), "a row has too few cells");
        assert!(exports().is_sorted_by(|one, next| one.name < next.name), "sorted by name, each once");
        for export in exports() {
            assert!(["psimp", "compiler", "tests"].contains(&export.needed_by), "{export:?}");
            assert_eq!(export.needed_by == "psimp", !export.why.is_empty(), "{export:?}");
        }
    }

    #[test]
    fn variables_are_constants_to_the_linker() {
        let text = module_definition();
        assert!(text.contains("\nPsThreadType CONSTANT\n") && text.contains("\nPsRevertToSelf\n"), "{text}");
    }
}
