//! The whole catalogue on every target that can run here.

mod support;

use psimp_catalogue::{GROUPS, cases};
use psimp_harness::driver::Source;
use psimp_harness::native::plan::Plan;
use psimp_harness::native::route::Route;
use psimp_harness::result::CaseStatus;
use psimp_harness::run::{Setup, run_case};
use psimp_model::Kernel;
use psimp_protocol::RulesMode;
use std::fmt::Write as _;
use std::process::Command;
use support::{compare, image, mutants};

/// The ids as ranges of one group each, such as `D01-D03 D05`.
fn ranges<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    let number = |id: &str| id[1..].parse::<u32>().expect("a letter and a number");
    let mut ranges: Vec<(&str, &str)> = Vec::new();
    for id in ids {
        match ranges.last_mut() {
            Some((_, last)) if last[..1] == id[..1] && number(last) + 1 == number(id) => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    let words = ranges
        .iter()
        .map(|(first, last)| if first == last { (*first).to_owned() } else { format!("{first}-{last}") });
    words.collect::<Vec<_>>().join(" ")
}

/// A line for each group: the number of its ids, and the ids.
fn by_group(text: &mut String, ids: &[&str]) {
    for group in GROUPS {
        let ids: Vec<_> = ids.iter().copied().filter(|id| id.starts_with(group.letter)).collect();
        if !ids.is_empty() {
            let _ = writeln!(text, "  {:>3}  {}", ids.len(), ranges(ids));
        }
    }
}

/// The cases, those that are skipped on each kernel in each rules mode, and those that a running
/// Windows can carry out. A case that is skipped or missing changes a line of it.
fn counts(source: &Source) -> String {
    let cases = cases();
    let ids: Vec<_> = cases.iter().map(|case| case.id).collect();
    let mut text = format!("{} cases\n", ids.len());
    by_group(&mut text, &ids);
    let mut failures = Vec::new();
    for &kernel in Kernel::ALL {
        for rules in [RulesMode::Documented, RulesMode::Kernel] {
            let setup = Setup { source: source.clone(), kernel, rules };
            let (mut passed, mut skipped) = (Vec::new(), Vec::new());
            for case in &cases {
                match run_case(&setup, case).status {
                    CaseStatus::Passed(_) => passed.push(case.id),
                    CaseStatus::Skipped(reason) => {
                        assert!(reason.starts_with("needs "), "{}: {reason}", case.id);
                        skipped.push(case.id);
                    }
                    CaseStatus::Failed(mismatches) => {
                        failures.push(format!("{} on {} {rules:?}: {mismatches:?}", case.id, kernel.name()));
                    }
                }
            }
            let words = |ids: &Vec<_>, what| format!("{} {what}", ids.len());
            let mut sides = [(words(&passed, "passed"), passed), (words(&skipped, "skipped"), skipped)];
            // The shorter list is last, and is the one that is written.
            sides.sort_by_key(|(_, ids)| std::cmp::Reverse(ids.len()));
            let [(more, _), (fewer, ids)] = sides;
            let _ = writeln!(text, "\nkernel {}, rules {rules:?}: {more}, {fewer}:", kernel.name());
            by_group(&mut text, &ids);
        }
    }
    assert_eq!(failures, Vec::<String>::new());
    for (target, route) in [
        ("native", Route::UserMode),
        ("device, rules Documented", Route::Driver(RulesMode::Documented)),
        ("device, rules Kernel", Route::Driver(RulesMode::Kernel)),
    ] {
        let planned = cases.iter().filter(|case| Plan::of(case, Kernel::Win10, route).is_ok());
        let planned: Vec<_> = planned.map(|case| case.id).collect();
        let _ = writeln!(text, "\ntarget {target}, kernel win10: {} can be carried out", planned.len());
        by_group(&mut text, &planned);
    }
    text
}

#[test]
fn every_case_passes_on_the_model() {
    compare("tests/golden/counts.txt", counts(&Source::Service));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn every_case_passes_on_the_image() {
    compare("tests/golden/counts.txt", counts(&Source::Image(image())));
}

#[test]
#[ignore = "needs the mutants: cargo xtask test builds them and names their folder in PSIMP_MUTANTS"]
fn every_mutant_is_caught_by_name() {
    let output = Command::new(env!("CARGO_BIN_EXE_psimp"))
        .arg("mutants")
        .arg("--image-dir")
        .arg(mutants())
        .output()
        .expect("psimp runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    // Each with the case that caught it; `psimp mutants` checks the words of the message.
    let caught = |line: &str| line.split_once(':').map_or(line, |(caught, _)| caught).to_owned();
    let lines: Vec<_> = text.lines().map(caught).collect();
    compare("tests/golden/mutants.txt", lines.join("\n") + "\n");
}
