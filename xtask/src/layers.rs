//! What the libraries may depend on.

use std::fs;
use std::path::Path;

/// The packages of psimp itself, on which the model of NT and the host for any driver must not depend.
const OF_PSIMP: &[&str] =
    &["psimp-protocol", "psimp-service", "psimp-rehearsal", "psimp-catalogue", "psimp-harness"];

/// Dependencies, those of tests too, whatever the platform.
fn dependencies(manifest: &toml::Table) -> Vec<&str> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(|targets| targets.values()).filter_map(toml::Value::as_table);
    let tables = [manifest].into_iter().chain(targets);
    let lists = tables.flat_map(|table| ["dependencies", "dev-dependencies"].map(|kind| table.get(kind)));
    let lists = lists.flatten().filter_map(toml::Value::as_table);
    lists.flat_map(|list| list.keys().map(String::as_str)).collect()
}

#[test]
fn model_and_host_know_nothing_of_psimp() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    for name in ["nt", "rules", "model", "host"] {
        let path = root.join("crates").join(name).join("Cargo.toml");
        let manifest = fs::read_to_string(path).expect("a manifest").parse::<toml::Table>().expect("TOML");
        let found = dependencies(&manifest);
        assert!(name == "nt" || found.contains(&"psimp-nt"), "{name}: {found:?}");
        for of_psimp in OF_PSIMP {
            assert!(!found.contains(of_psimp), "crates/{name} depends on {of_psimp}");
        }
    }
}

#[test]
fn dependencies_of_tests_and_on_some_platform_count() {
    let manifest = "[dependencies]\na = \"1\"\n[target.'cfg(unix)'.dependencies]\nb = \"1\"\n[dev-dependencies]\nc = \"1\"";
    assert_eq!(dependencies(&manifest.parse().expect("TOML")), ["a", "c", "b"]);
}
