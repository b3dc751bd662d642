//! The whole catalogue on every target that can run here.

use psimp_harness::driver::Source;
use psimp_harness::result::CaseStatus;
use psimp_harness::run::{Target, run_case};
use psimp_host::Image;
use psimp_model::Flavour;
use psimp_protocol::RulesMode;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

/// Runs every case and lists those that did not pass.
fn failures(source: &Source) -> Vec<String> {
    let mut failures = Vec::new();
    for flavour in Flavour::NT {
        for rules in [RulesMode::Documented, RulesMode::Kernel] {
            let target = Target { source: source.clone(), flavour, rules };
            for case in psimp_catalogue::cases() {
                let result = run_case(&target, &case);
                if !matches!(result.status, CaseStatus::Passed(_)) {
                    failures.push(format!(
                        "{} on {} {rules:?}: {:?}",
                        case.id,
                        flavour.name(),
                        result.status
                    ));
                }
            }
        }
    }
    failures
}

#[test]
fn every_case_passes_on_the_model() {
    assert_eq!(failures(&Source::Service), Vec::<String>::new());
}

#[test]
fn every_case_passes_on_the_image() {
    let Some(path) = std::env::var_os("PSIMP_SYS").map(PathBuf::from) else {
        eprintln!("skipped: PSIMP_SYS does not name an image; `cargo xtask test` builds one");
        return;
    };
    let image = Image::open(&path).expect("PSIMP_SYS names a driver image");
    assert_eq!(failures(&Source::Image(Arc::new(image))), Vec::<String>::new());
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
    assert!(text.contains("4 of 4 mutants caught"), "{text}");
}
