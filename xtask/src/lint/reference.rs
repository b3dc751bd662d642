//! Generates docs/lint.md from the tables of rules, and tests that it is current.

use std::fmt::Write;
use std::path::Path;

use snapbox::data::{Data, DataFormat};

use super::{Rule, inf, pe};
use crate::build::Arch;

const INTRODUCTION: &str = "\
# What `cargo xtask lint` checks

Generated from the tables in `xtask/src/lint`. Every reported violation begins with the name of its
rule. A test violates each rule, in a small image made for it or in a copy of the INF, and checks the
report. What the lint cannot check is in [SECURITY.md](../SECURITY.md).
";

const IMAGE: &str = "\
## The image

All code is disassembled, from the exception directory, the entry point, the exports and every
address that is called or taken. A path ends where the kernel or KMDF is called; their stack use is
not counted. A callback from there, such as the unload routine, starts a path of its own.

| rule | what it requires |
|---|---|
";

const ARM64: &str = "\
## The image for arm64

`cargo xtask lint --arch arm64` checks that file in the same way, and looks for traps and privileged
instructions word by word. Its control flow is not analysed, because the lint has no disassembler
for it. `guard-complete` covers the functions whose address is in data, not those whose address only
code makes. These rules do not apply; a run prints their number and names:
";

const INF: &str = "\
## The INF

`InfVerif` runs on Windows only. The numbers are its corresponding errors, as far as its
documentation describes them. It checks more, so a package that passes here may still fail there.

| rule | what it requires |
|---|---|
";

const OTHERS: &str = "\
## Other files

`makefile`: Makefile.toml agrees with the release of wdk-build that it extends. `cargo-wdk`: what
`cargo wdk build` makes a driver package of is the driver alone, and its INX is where that command
looks for it. `headers`: the
hand-written KMDF headers have the recorded sizes, offsets and types of KMDF 1.15, and
mingw-w64's headers those of the structures that the driver shares with the kernel, for the
architecture that is checked. `circle`: no modules import from each other in a circle;
`cargo xtask lint --circles` checks that alone.
";

const BINSKIM: &str = "\
## Microsoft's BinSkim

What BinSkim's rules for native images ask of `psimp.sys`, by their documentation. It has not been run
on the image.

| rule | asks for | state |
|---|---|---|
| BA2001, BA2009, BA2015 | a base above 4 GB, `/DYNAMICBASE`, `/HIGHENTROPYVA` | done: `image-flags`, `relocations-present` |
| BA2004 | SHA-256 of the sources in the PDB | done, but for bindgen's file, whose hash is cleared |
| BA2008 | control-flow guard | done: `guard-*`, `calls-guarded`. rustup's `core` has bitcode, which link-time optimisation makes a part of the driver, so its code is instrumented too; `compiler_builtins` is not, and no code of it in the image calls through a pointer |
| BA2010, BA2019, BA2021 | imports not executable, nothing writable and shared or executable | done: `imports-protected`, `sections-*` |
| BA2011 to BA2014 | stack cookies (`/GS`) | not done: rustc has them as `-Z stack-protector` only (rust-lang/rust#114903), and the C code has no array on its stack |
| BA2016, BA2029 | `/NXCOMPAT`, `/INTEGRITYCHECK` | done: `image-flags` |
| BA2022 | a signature with SHA-256 | done for test-signing by `cargo xtask bundle` |
| BA2024 | Spectre mitigations (`/Qspectre`) | not done: rustc has no counterpart |
| BA2025 | the mark for shadow stacks (`/CETCOMPAT`) | done for x64: `stack-shadow`. The rule does not apply to arm64 |
| BA2006, BA2007, BA2026, BA2027 | versions, warnings, `/sdl` and source links of Microsoft's compilers | do not apply |
";

fn render() -> String {
    let image = pe::RULES.iter().flat_map(|rules| rules.iter());
    let sections = [
        INTRODUCTION.to_owned(),
        table(IMAGE, image),
        arm64(),
        BINSKIM.to_owned(),
        table(INF, inf::RULES),
        OTHERS.to_owned(),
    ];
    sections.join("\n")
}

/// The rules that do not apply to the image for arm64, a line for each group of names.
fn arm64() -> String {
    let mut page = ARM64.to_owned();
    let names: Vec<_> = pe::not_applicable(Arch::Arm64).collect();
    for group in names.chunk_by(|one, next| one.split('-').next() == next.split('-').next()) {
        let names: Vec<_> = group.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(page, "* {}", names.join(", "));
    }
    page
}

fn table<'a>(introduction: &str, rules: impl IntoIterator<Item = &'a Rule>) -> String {
    let mut page = introduction.to_owned();
    for (name, demand) in rules {
        let _ = writeln!(page, "| `{name}` | {demand} |");
    }
    page
}

#[test]
fn the_page_about_the_rules_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/lint.md");
    snapbox::assert_data_eq!(render(), Data::read_from(&path, Some(DataFormat::Text)).raw());
}
