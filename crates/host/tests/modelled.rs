//! docs/host.md has the table of all that is modelled; this is how it is made, and a test that it
//! is current. `UPDATE_GOLDEN=1 cargo test -p psimp-host` rewrites it.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use psimp_host::modelled;
use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str = "<!-- made by crates/host/tests/modelled.rs -->\n";

fn table() -> String {
    let mut text = String::from("| where | function | highest IRQL | fails with |\n|---|---|---|---|\n");
    for function in modelled() {
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} |",
            function.module, function.name, function.highest_irql, function.failure
        );
    }
    text
}

#[test]
fn the_table_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/host.md");
    let page = std::fs::read_to_string(&path).expect("docs/host.md can be read");
    let (before, _) = page.split_once(BEGIN).expect("it has a place for the table");
    let made = format!("{before}{BEGIN}{}", table());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &made).expect("docs/host.md can be written");
    }
    let page = std::fs::read_to_string(&path).expect("docs/host.md can be read");
    assert!(page == made, "docs/host.md is not current; UPDATE_GOLDEN=1 cargo test rewrites it");
}

#[test]
fn it_has_what_a_driver_begins_with() {
    let names: Vec<_> = modelled().iter().map(|function| function.name).collect();
    for name in ["WdfVersionBind", "WdfDriverCreate", "PsImpersonateClient", "ObfReferenceObject"] {
        assert!(names.contains(&name), "{name}");
    }
    assert!(!names.contains(&"WdfIoQueueCreate"), "docs/host.md says that there are no queues");
}
