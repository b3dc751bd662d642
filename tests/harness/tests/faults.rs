//! Failures below the driver's image. `cargo xtask test` runs all cases; these are
//! a few, and images with planted faults.

mod support;

use psimp_catalogue::Case;
use psimp_harness::driver::Source;
use psimp_harness::faults::{Explored, Setting, Violation, explore, run};
use psimp_harness::result::CaseStatus;
use psimp_harness::run::{Setup, run_case};
use psimp_host::Image;
use psimp_model::Kernel;
use psimp_protocol::RulesMode;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use support::{image_path, mutants};

fn setting(path: &Path, kernel: Kernel, rules: RulesMode) -> Setting {
    Setting { image: Arc::new(Image::open(path).expect("a driver image")), kernel, rules }
}

fn case(id: &str) -> Case {
    psimp_catalogue::cases().into_iter().find(|case| case.id == id).expect("a case")
}

fn violations(explored: &Explored) -> Vec<&Violation> {
    explored.broken.iter().flat_map(|run| &run.violations).collect()
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn whatever_fails_nothing_breaks_and_nothing_is_lost() {
    let path = image_path();
    for (kernel, rules) in [
        (Kernel::Win10, RulesMode::Documented),
        (Kernel::Nt52, RulesMode::Kernel),
        (Kernel::Documented, RulesMode::Documented),
    ] {
        let setting = setting(&path, kernel, rules);
        // A decision; copies; saves and restores; several threads; bad requests.
        for id in ["D13", "O14", "S01", "S07", "X05", "B10"] {
            let explored = explore(&setting, &case(id));
            assert_eq!(violations(&explored), Vec::<&Violation>::new(), "{id}");
            assert!(explored.stacks.len() >= 10, "{id}: {:?}", explored.stacks);
            // Each call fails alone, and most also after another failure.
            assert!(explored.runs > 2 * explored.stacks.len(), "{id}: {} runs", explored.runs);
        }
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_run_can_be_had_again_by_its_id() {
    let path = image_path();
    let setting = setting(&path, Kernel::Win10, RulesMode::Documented);
    let explored = explore(&setting, &case("D13"));
    let (id, stack) = explored
        .stacks
        .iter()
        .find(|(_, stack)| stack.function == "PsImpersonateClient")
        .expect("it is called");
    let output = Command::new(env!("CARGO_BIN_EXE_psimp"))
        .args(["faults", "--replay", &format!("d13:{id}"), "--image"])
        .arg(&path)
        .output()
        .expect("psimp runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(lines[0], format!("D13:{id}  other user: S takes B2 at Impersonation"));
    assert_eq!(
        lines[1..],
        [
            "EVALUATE: STATUS_SUCCESS; thread 8: idle",
            &format!("{id} fails: {stack}"),
            "IMPERSONATE: STATUS_INSUFFICIENT_RESOURCES; thread 8: idle",
            "nothing is broken, nothing is lost",
        ]
    );
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_failure_that_is_never_met_is_not_taken_for_one() {
    let path = image_path();
    let setting = setting(&path, Kernel::Win10, RulesMode::Documented);
    let never = "00000001".parse().expect("an id");
    let run = run(&setting, &case("D13"), &[never], false).expect("it runs");
    let what = "the run did not get to the call that was to fail".to_owned();
    assert_eq!(run.violations, [Violation { leak: false, what }]);
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn json_is_one_object_of_four_figures() {
    let path = image_path();
    let output = Command::new(env!("CARGO_BIN_EXE_psimp"))
        .args(["faults", "--filter", "D13", "--format", "json", "--image"])
        .arg(path)
        .output()
        .expect("psimp runs");
    assert_eq!(output.status.code(), Some(0));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let keys: Vec<_> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["failures", "leaks", "runs", "sites"]);
    assert_eq!((&object["failures"], &object["leaks"]), (&0.into(), &0.into()));
    assert!(object["runs"].as_u64() > object["sites"].as_u64());
}

#[test]
#[ignore = "needs the mutants: cargo xtask test builds them and names their folder in PSIMP_MUTANTS"]
fn a_reference_that_always_leaks_is_found_without_a_failure() {
    let path = mutants().join("slot-reference.sys");
    let setting = setting(&path, Kernel::Win10, RulesMode::Documented);
    let run = run(&setting, &case("D13"), &[], false).expect("it runs");
    assert!(run.violations.iter().any(|violation| violation.leak), "{:?}", run.violations);
}

#[test]
#[ignore = "needs the mutants: cargo xtask test builds them and names their folder in PSIMP_MUTANTS"]
fn a_leak_on_an_error_path_is_found_by_failures_and_by_nothing_else() {
    let path = mutants().join("error-path-leak.sys");
    let setting = setting(&path, Kernel::Win10, RulesMode::Documented);
    let explored = explore(&setting, &case("D13"));
    let violations = violations(&explored);
    assert!(violations.iter().all(|violation| violation.leak), "{violations:?}");
    assert!(
        violations
            .iter()
            .any(|violation| violation.what.contains("the reference that ObfReferenceObject gave")),
        "{violations:?}"
    );
    let source = Source::Image(setting.image);
    for rules in [RulesMode::Documented, RulesMode::Kernel] {
        for &kernel in Kernel::ALL {
            let setup = Setup { source: source.clone(), kernel, rules };
            for case in psimp_catalogue::cases() {
                let result = run_case(&setup, &case);
                assert!(!matches!(result.status, CaseStatus::Failed(_)), "{result:?}");
            }
        }
    }
}
