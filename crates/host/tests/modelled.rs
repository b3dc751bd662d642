//! `docs/host.md` has the table of modelled functions; this generates it, and tests that it
//! is current.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use psimp_host::{Modelled, modelled};
use snapbox::assert_data_eq;
use snapbox::data::{Data, DataFormat};
use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str = "<!-- made by crates/host/tests/modelled.rs -->\n";

/// The recorded exports of ntoskrnl.
const NTOSKRNL: &str = include_str!("../data/ntoskrnl.csv");

/// Of each recorded routine: name, highest IRQL, failure, who needs it and why.
fn recorded() -> impl Iterator<Item = [&'static str; 5]> {
    NTOSKRNL.lines().skip(1).map(|row| {
        let cells: Vec<_> = row.splitn(5, ',').collect();
        cells.try_into().unwrap_or_else(|_| panic!("{row} has too few cells"))
    })
}

fn table() -> String {
    let heading = ["where", "function", "highest IRQL", "fails with", "file", "why"];
    let mut text = format!("| {} |\n{}|\n", heading.join(" | "), "|---".repeat(heading.len()));
    for Modelled { module, name, highest_irql, failure, file } in modelled() {
        let why = recorded().find(|row| row[0] == name).map_or("", |row| row[4]);
        let _ = writeln!(text, "| {module} | `{name}` | {highest_irql} | {failure} | `{file}` | {why} |");
    }
    text
}

#[test]
fn the_routines_of_ntoskrnl_are_those_recorded() {
    let exported: Vec<_> = modelled()
        .into_iter()
        .filter(|function| function.module == "ntoskrnl.exe")
        .map(|function| (function.name, function.highest_irql, function.failure))
        .collect();
    let recorded: Vec<_> = recorded()
        .filter(|[_, irql, ..]| !["variable", "not modelled"].contains(irql))
        .map(|[name, irql, failure, ..]| (name, irql, failure.to_owned()))
        .collect();
    assert_eq!(exported, recorded, "the exports, and crates/host/data/ntoskrnl.csv");
}

#[test]
fn the_table_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/host.md");
    let page = std::fs::read_to_string(&path).expect("docs/host.md can be read");
    let (before, _) = page.split_once(BEGIN).expect("it has a place for the table");
    let made = format!("{before}{BEGIN}{}", table());
    assert_data_eq!(made, Data::read_from(&path, Some(DataFormat::Text)).raw());
}

#[test]
fn it_has_what_a_driver_begins_with() {
    let names: Vec<_> = modelled().iter().map(|function| function.name).collect();
    for name in ["WdfVersionBind", "WdfDriverCreate", "PsImpersonateClient", "ObfReferenceObject"] {
        assert!(names.contains(&name), "{name}");
    }
    assert!(!names.contains(&"WdfIoQueueCreate"), "docs/host.md says that there are no queues");
}
