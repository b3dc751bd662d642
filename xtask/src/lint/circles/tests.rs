//! Small crates with and without a circle, and this one with an import put back.

use std::fs;
use std::path::Path;

use super::find;

fn circles(files: &[(&str, &str)]) -> Vec<String> {
    let read = |path: &Path| {
        let file = files.iter().find(|(name, _)| path == Path::new(name));
        file.map(|(_, text)| (*text).to_owned())
    };
    find(Path::new("lib.rs"), &read).expect("the sources can be parsed")
}

#[test]
fn a_circle_is_named_with_its_imports() {
    let root = ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\n");
    let files = [
        root,
        ("a.rs", "use crate::b::{self, B};\n"),
        ("b.rs", "\nfn b() { super::c::go() }\n"),
        ("c/mod.rs", "mod below;\n"),
        ("c/below.rs", "table! { row(1, crate::a::A) }\n"),
        ("d.rs", "use crate::a;\n"),
    ];
    assert_eq!(
        circles(&files),
        [
            "lib.rs: a → b → c → a\n    a.rs:1: crate::b\n    b.rs:2: super::c::go\n    c/below.rs:1: crate::a::A"
        ]
    );
}

#[test]
fn imports_in_one_direction_are_no_circle() {
    let root = ("lib.rs", "mod a;\nmod b;\npub use b::B;\npub struct Own;\n");
    for (a, b) in [
        // Both import from their parent, which imports from one of them.
        ("use crate::Own;", "use super::Own;"),
        // Unit tests may import from anywhere.
        ("use crate::B;", "#[cfg(test)]\nmod tests { use crate::a; }"),
        ("use crate::B;", "#[cfg(all(test, windows))]\nmod tests { use crate::a; }"),
        // A module within a file, and its own neighbour.
        ("mod x { use super::y; } mod y {}", "use crate::a;"),
        // Other crates have modules of the same name.
        ("use crate::b;", "use other::a; fn f() -> std::a::B { a::b() }"),
    ] {
        let none: [&str; 0] = [];
        assert_eq!(circles(&[root, ("a.rs", a), ("b.rs", b)]), none, "{a} {b}");
    }
}

#[test]
fn every_way_to_write_an_import_counts() {
    let root = ("lib.rs", "mod a;\nmod b;\npub use b::B;\n");
    for a in [
        "use crate::b;",
        "use super::b;",
        "use crate::{b as other};",
        "use crate::b::{self as other};",
        "use crate::b::*;",
        "use crate::B;",
        "fn f() { crate::b::b(); }",
        "fn f() { use crate::b; }",
        "fn f() -> super::B { loop {} }",
        "impl crate::B for A {}",
        "fn f() { println!(\"{}\", crate::b::b()); }",
        "macro_rules! m { () => { $crate::b::b() }; }",
        "mod inner { use super::super::b; }",
        "#[cfg(windows)]\nuse crate::b;",
    ] {
        assert_eq!(circles(&[root, ("a.rs", a), ("b.rs", "use crate::a::A;")]).len(), 1, "{a}");
    }
}

#[test]
fn an_import_put_back_into_this_program_is_a_circle() {
    let source = |path: &Path| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok();
    let root = Path::new("src/main.rs");
    let none: [&str; 0] = [];
    assert_eq!(find(root, &source).expect("the sources can be parsed"), none);

    let with_import = |path: &Path| {
        let import = if path == Path::new("src/build/mod.rs") { "use crate::mutants;\n" } else { "" };
        source(path).map(|text| text + import)
    };
    let circles = find(root, &with_import).expect("the sources can be parsed");
    assert_eq!(circles.len(), 1, "{circles:?}");
    assert!(circles[0].starts_with("src/main.rs: build → mutants → build\n"), "{circles:?}");
}
