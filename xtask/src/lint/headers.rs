//! The headers compared with recorded facts: the hand-written ones for KMDF, and mingw-w64's as far as the driver
//! shares structures with the kernel. The facts are of 64-bit Windows, the same for each architecture.

use std::fmt::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::Report;
use crate::build::{self, Arch, KMDF_HEADERS, WdkTree};
use crate::exec;
use crate::workspace::Workspace;

/// Where the layouts are recorded.
const LAYOUTS: &[&str] = &["kmdf-1.15-layouts.csv", "kernel-layouts.csv"];

pub(super) fn check(workspace: &Workspace, arch: Arch, report: &mut Report) -> Result<()> {
    let sources = workspace.cross_sources();
    let slots = exec::read(&workspace.facts().join("kmdf-1.15-slots.csv"))?;
    let functions = build::kmdf_functions(&slots)?;
    for header in KMDF_HEADERS {
        check_names(header, &exec::read(&sources.join(header))?, &functions, report);
    }

    let mut assertions = String::new();
    for facts in LAYOUTS {
        assertions += &self::assertions(&exec::read(&workspace.facts().join(facts))?)?;
    }
    let tree = WdkTree::make(workspace, arch)?;
    let source = workspace.cross().join("layouts.c");
    let bind = sources.join("wdf_bind.h");
    let program =
        format!("#include <ntifs.h>\n#include <wdf.h>\n#include \"{}\"\n{assertions}", bind.display());
    exec::write_if_changed(&source, program)?;
    let mut clang = tree.clang()?;
    let output =
        clang.args(["-fsyntax-only", "-w", "-ferror-limit=0"]).arg(source).stdout(Stdio::null()).output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    for (_, error) in errors.lines().filter_map(|line| line.split_once("error: ")) {
        // The sentence of an assertion follows what was required, in quotes.
        let sentence =
            error.split_once("': ").map_or(error.to_owned(), |(_, fact)| format!("it is not so that {fact}"));
        report.violations.push(format!("headers: {sentence}"));
    }
    report.checks += assertions.lines().count();
    ensure!(output.status.success() || !report.violations.is_empty(), "clang failed: {errors}");
    Ok(())
}

/// Each `PFN_<NAME>` must be the type of a function that exists, or the `wdk-macros` crate never finds it.
fn check_names(name: &str, header: &str, functions: &[&str], report: &mut Report) {
    for piece in header.split("(*PFN_WDF").skip(1) {
        let function = piece.split(')').next().unwrap_or_default();
        let known = functions.iter().any(|known| known[3..].eq_ignore_ascii_case(function));
        let violation =
            || format!("xtask/cross/{name}: PFN_WDF{function} is the type of no function of KMDF 1.15");
        report.check("headers", known, violation);
    }
}

/// One C assertion for each recorded member, of its offset and its type, and for each size and alignment.
fn assertions(layouts: &str) -> Result<String> {
    let mut text = String::new();
    for line in layouts.lines().skip(1) {
        let mut cells = line.splitn(4, ',');
        let mut cell = || cells.next().with_context(|| format!("a layout has four cells: {line}"));
        let (structure, field, number, kind) = (cell()?, cell()?, cell()?, cell()?);
        let (holds, fact) = if field == "(sizeof)" {
            let align =
                kind.strip_prefix("align ").with_context(|| format!("a size has an alignment: {line}"))?;
            let holds = format!("sizeof({structure}) == {number} && _Alignof({structure}) == {align}");
            (holds, format!("{structure} has {number} bytes, aligned to {align}"))
        } else {
            let member = format!("(({structure} *)0)->{field}");
            let holds = format!(
                "__builtin_offsetof({structure}, {field}) == {number} && \
                 __builtin_types_compatible_p(__typeof__({member}), {kind})"
            );
            (holds, format!("{structure}.{field} is at {number} and has the type {kind}"))
        };
        writeln!(text, "_Static_assert({holds}, \"{fact}\");")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Report, assertions, check_names};

    #[test]
    fn a_member_and_a_size_become_assertions() {
        let text = assertions("struct,field,offset,type\nS,A.B,8,PVOID *\nS,(sizeof),16,align 8\n")
            .expect("well formed");
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].contains("__builtin_offsetof(S, A.B) == 8 && "), "{text}");
        assert!(lines[0].ends_with("\"S.A.B is at 8 and has the type PVOID *\");"), "{text}");
        assert!(lines[1].starts_with("_Static_assert(sizeof(S) == 16 && _Alignof(S) == 8"), "{text}");
    }

    #[test]
    fn a_function_pointer_without_a_function_is_reported() {
        let mut report = Report::default();
        let header = "typedef VOID (*PFN_WDFOBJECTDELETE)(X); typedef VOID (*PFN_WDFOBJECTDELTE)(X);";
        check_names("wdf.h", header, &["WdfObjectDelete"], &mut report);
        assert_eq!(report.checks, 2);
        assert!(report.violations[0].contains("PFN_WDFOBJECTDELTE is the type of no function"), "{report:?}");
    }
}
