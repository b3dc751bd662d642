//! The whole catalogue on every target that can run here.

mod support;

use psimp_harness::driver::Source;
use psimp_harness::result::CaseStatus;
use psimp_harness::run::{Setup, run_case};
use psimp_host::Image;
use psimp_model::Kernel;
use psimp_protocol::RulesMode;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use support::compare;

/// Runs every case in both rules modes: how many passed on each kernel, and
/// what failed.
fn run(source: &Source) -> (Vec<(&'static str, usize)>, Vec<String>) {
    let (mut passed, mut failures) = (Vec::new(), Vec::new());
    for &kernel in Kernel::ALL {
        for rules in [RulesMode::Documented, RulesMode::Kernel] {
            let setup = Setup { source: source.clone(), kernel, rules };
            let mut count = 0;
            for case in psimp_catalogue::cases() {
                match run_case(&setup, &case).status {
                    CaseStatus::Passed(_) => count += 1,
                    CaseStatus::Skipped(reason) => {
                        assert!(reason.starts_with("needs "), "{}: {reason}", case.id);
                    }
                    CaseStatus::Failed(mismatches) => {
                        failures.push(format!("{} on {} {rules:?}: {mismatches:?}", case.id, kernel.name()));
                    }
                }
            }
            passed.push((kernel.name(), count));
        }
    }
    (passed, failures)
}

/// How many cases run, so that none is skipped unnoticed.
const PASSED: [(&str, usize); 8] = [
    ("win10", 305),
    ("win10", 305),
    ("nt52", 306),
    ("nt52", 306),
    ("documented", 304),
    ("documented", 304),
    ("peios", 10),
    ("peios", 10),
];

#[test]
fn every_case_passes_on_the_model() {
    let (passed, failures) = run(&Source::Service);
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(passed, PASSED);
}

#[test]
fn every_case_passes_on_the_image() {
    let Some(path) = std::env::var_os("PSIMP_SYS").map(PathBuf::from) else {
        eprintln!("skipped: PSIMP_SYS does not name an image; `cargo xtask test` builds one");
        return;
    };
    let image = Image::open(&path).expect("PSIMP_SYS names a driver image");
    let (passed, failures) = run(&Source::Image(Arc::new(image)));
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(passed, PASSED);
}

#[test]
fn every_mutant_is_caught_by_name() {
    let Some(folder) = std::env::var_os("PSIMP_MUTANTS") else {
        eprintln!("skipped: PSIMP_MUTANTS names no folder of mutants; `cargo xtask test` builds them");
        return;
    };
    let output = Command::new(env!("CARGO_BIN_EXE_psimp"))
        .arg("mutants")
        .arg("--image-dir")
        .arg(folder)
        .output()
        .expect("psimp runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    // Each with the case that caught it; what it says has words to contain.
    let caught = |line: &str| line.split_once(':').map_or(line, |(caught, _)| caught).to_owned();
    let lines: Vec<_> = text.lines().map(caught).collect();
    compare("mutants.txt", &(lines.join("\n") + "\n"));
}
