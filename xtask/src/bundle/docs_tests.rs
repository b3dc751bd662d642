//! docs/vm.md compared with what it describes: the files of a bundle, the tasks of Makefile.toml, and its own sums.

use std::collections::BTreeSet;

use toml::Table;

use super::check;

const PAGE: &str = include_str!("../../../docs/vm.md");
const MAKEFILE: &str = include_str!("../../../Makefile.toml");

/// The text between backquotes at the start of the rows of all tables, up to the first space.
fn first_cells() -> impl Iterator<Item = &'static str> {
    PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', ' ']).next())
}

#[test]
fn every_file_of_a_bundle_is_described() {
    let described: BTreeSet<_> = first_cells().map(str::to_owned).collect();
    let missing: Vec<_> = check::names_of(&["x64"]).difference(&described).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn the_tasks_are_those_of_the_makefile() {
    let makefile: Table = MAKEFILE.parse().expect("Makefile.toml can be parsed");
    let tasks = makefile["tasks"].as_table().expect("it has tasks");
    let ours: BTreeSet<_> = tasks
        .iter()
        .filter(|(_, task)| task.get("description").is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let section = PAGE.split("## With the WDK").nth(1).expect("the page has that section");
    let rows = section.lines().filter(|line| line.starts_with("| `cargo make "));
    let named: BTreeSet<_> = rows
        .flat_map(|row| row.split('`').skip(1).step_by(2))
        .filter_map(|words| words.strip_prefix("cargo make ").unwrap_or(words).split(' ').next())
        .filter(|word| *word != "default" && !word.contains('/'))
        .collect();
    assert_eq!(named, ours);
}

#[test]
fn the_flags_add_up() {
    let flags = first_cells().filter_map(|cell| u32::from_str_radix(cell.strip_prefix("0x")?, 16).ok());
    // All but the last, low resources, which has a run of its own.
    let sum: u32 = flags.filter(|flag| *flag != 0x4_0000).sum();
    assert_eq!(sum, 0x0200_093b);
    assert!(PAGE.contains("verifier /flags 0x0200093b /driver"));
    assert!(PAGE.contains("verifier /flags 0x40000 /driver"));
}

/// What the page says that the script prints is in the script.
#[test]
fn errors_of_the_script_are_its_own() {
    const SCRIPT: &str = include_str!("../../bundle/install.ps1");
    let typed = PAGE.split('`').skip(1).step_by(2);
    let errors: Vec<_> = typed.filter_map(|words| words.strip_prefix("error: ")).collect();
    for error in &errors {
        assert!(SCRIPT.contains(error.trim_start_matches("… ")), "{error}");
    }
    assert!(errors.len() >= 5, "{errors:?}");
}

#[test]
fn the_page_names_the_archive() {
    assert!(PAGE.contains(concat!("psimp-", env!("CARGO_PKG_VERSION"), ".zip")));
}
