//! The rehearsal of the targets device and native: how many cases come out how, what fails on purpose, and that nothing
//! is left.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_rehearsal::LACKING;
use psimp_rules::Kernel;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, Output};
use support::{compare, image_path};

fn rehearse(arguments: &[&str]) -> Output {
    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
    psimp.args(["run", "--rehearse"]).args(arguments).env("PSIMP_SYS", image_path());
    psimp.output().expect("psimp runs")
}

/// What came of every case, counted.
fn counts(target: &str, kernel: &str, rules: &str) -> String {
    let mut arguments = vec!["--target", target, "--kernel", kernel, "--format", "json"];
    if target == "device" {
        arguments.extend(["--rules", rules]);
    }
    let output = rehearse(&arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let failed: Vec<_> =
        said.lines().filter(|line| line.starts_with("FAIL") || line.starts_with("psimp")).collect();
    assert_eq!((output.status.code(), failed), (Some(0), vec![]), "{target} {kernel} {rules}");
    assert_eq!(report["rehearsed"], Value::Bool(true));
    let count = |key: &str| report["summary"][key].as_u64().expect("a number");
    let mut reasons = BTreeMap::<&str, u32>::new();
    let cases = report["cases"].as_array().expect("cases");
    // Some ran on another machine than the one before.
    let ids: Vec<_> = cases.iter().map(|case| case["id"].as_str().expect("an id")).collect();
    assert_eq!(ids, psimp_catalogue::cases().iter().map(|case| case.id).collect::<Vec<_>>());
    for case in cases {
        if let Some(why) = case["reason"].as_str() {
            *reasons.entry(why).or_default() += 1;
        }
    }
    let [passed, failed, skipped] = ["passed", "failed", "skipped"].map(count);
    let rules = if target == "native" { String::new() } else { format!(", rules {rules}") };
    let mut text = format!(
        "target {target}, kernel {kernel}{rules}: {passed} passed, {failed} failed, {skipped} skipped:\n"
    );
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(why, count)| (std::cmp::Reverse(*count), *why));
    for (why, count) in reasons {
        let _ = writeln!(text, "  {count:>3}  {why}");
    }
    text
}

#[test]
#[ignore = "needs psimp.sys"]
fn cases_come_out_as_recorded() {
    let runs = [("native", "documented"), ("device", "documented"), ("device", "kernel")];
    let of =
        |kernel: Kernel| runs.map(|(target, rules)| counts(target, kernel.name(), rules) + "\n").concat();
    let text = std::thread::scope(|scope| {
        let kernels: Vec<_> = Kernel::ALL.iter().map(|kernel| scope.spawn(move || of(*kernel))).collect();
        kernels.into_iter().map(|text| text.join().expect("the runs are as expected")).collect::<String>()
    });
    compare("tests/golden/rehearsal.txt", text);
}

/// What is injected into D14, the line that its case has, and the exit code.
const INJECTED: &[(&str, &str, i32)] = &[
    (
        "dies",
        "FAIL  D14  server process: expected an answer, observed it ended with 0xc0000005 and gave none",
        1,
    ),
    ("hangs", "FAIL  D14  server process: expected an answer, observed none in 1 seconds", 1),
    (
        "nonsense",
        "FAIL  D14  server process: expected an answer, observed expected value at line 1 column 1 in \"no answer \
         that anybody knows\"",
        1,
    ),
    (
        "no-answer",
        "FAIL  D14  server process: expected an answer, observed it ended with 0x0 and gave none",
        1,
    ),
    (
        "no-token",
        "skip  D14  needs a token made of one of S-1-5-21-1000-2000-3000-1001: NtFilterToken: \
         STATUS_INSUFFICIENT_RESOURCES",
        0,
    ),
    (
        "wrong-token",
        "FAIL  D14  fixture: expected as described, observed the token made for S is another: SeImpersonatePrivilege: \
         wanted Absent, got Enabled; SeBackupPrivilege: wanted Absent, got Disabled; other privileges: wanted none, got \
         [5, 8, 9, 10, 11, 12, 13, 14, 15, 18, 20, 22, 24, 28, 30, 35, 36]",
        1,
    ),
    (
        "no-process",
        "FAIL  D14  server process: expected an answer, observed CreateProcessAsUserW: error 8",
        1,
    ),
    ("broken-pipe", "FAIL  D14  server process: expected an answer, observed broken pipe", 1),
];

#[test]
#[ignore = "needs psimp.sys"]
fn what_fails_is_said_and_the_next_case_runs_and_nothing_is_left() {
    for (kind, line, code) in INJECTED {
        let inject = format!("{kind}@d14");
        let filters = ["--filter", "D13", "--filter", "D14", "--filter", "D42"];
        let arguments =
            [&["--target", "device", "--patience", "1", "--inject", &inject], &filters[..]].concat();
        let output = rehearse(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<_> = said.lines().filter(|line| !line.starts_with("psimp: EOF")).collect();
        assert_eq!(
            lines,
            ["ok    D13  copied at 1: user SID", *line, "ok    D42  copied at 1: restricted"],
            "{kind}"
        );
        assert_eq!(output.status.code(), Some(*code), "{kind}");
    }
}

#[test]
#[ignore = "needs psimp.sys"]
fn what_no_case_gets_to_is_said() {
    // The row needs no server process: it is skipped before.
    let output = rehearse(&["--target", "device", "--filter", "P01", "--inject", "dies"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("psimp: at the end of the rehearsal: --inject had no effect, as no case got so far\n"),
        "{said}"
    );
}

#[test]
#[ignore = "needs psimp.sys"]
fn several_kernels_and_rules_are_rehearsed_in_one_run() {
    let page = concat!(env!("CARGO_TARGET_TMPDIR"), "/rehearsal.html");
    let all =
        ["--target", "device", "--kernel", "all", "--rules", "all", "--filter", "K26", "--report", page];
    let output = rehearse(&all);
    assert_eq!(output.status.code(), Some(0));
    let (mut expected, passed) =
        (String::new(), ["1 passed, 0 failed, 0 skipped", "0 passed, 0 failed, 1 skipped"]);
    for kernel in Kernel::ALL {
        for rules in ["documented", "kernel"] {
            let passed = passed[usize::from(!Kernel::NT.contains(kernel))];
            let _ = writeln!(expected, "device (rehearsed) {:<12} {rules:<12} {passed}", kernel.name());
        }
    }
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    let page = std::fs::read_to_string(page).expect("the page");
    assert!(page.contains("device (rehearsed)"));
}

#[test]
fn a_rehearsal_is_of_windows_targets() {
    let psimp = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_psimp")).args(arguments).output().expect("psimp runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = psimp(&["run", "--rehearse"]);
    assert_eq!(code, Some(2));
    assert!(said.starts_with("error: --rehearse has no effect: --target model runs here anyway\n"), "{said}");
    let (code, said) = psimp(&["run", "--target", "native", "--rehearse", "--inject", "walks"]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains(
            "it is none of dies, hangs, nonsense, no-answer, no-token, wrong-token, no-process, broken-pipe"
        ),
        "{said}"
    );
    let (code, said) = psimp(&["run", "--target", "native", "--rehearse", "--inject", "dies@D99"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("there is no case D99"), "{said}");
}

/// The page has the table of the crate.
#[test]
fn what_is_lacking_is_listed() {
    let mut table = "| the rehearsal has not | because |\n|---|---|\n".to_owned();
    for (what, why) in LACKING {
        let _ = writeln!(table, "| {what} | {why} |");
    }
    let page = include_str!("../../../docs/native.md");
    assert!(page.contains(&table), "docs/native.md lacks the table\n{table}");
}
