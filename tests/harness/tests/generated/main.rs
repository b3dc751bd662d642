//! Generates docs/ioctl.md, include/psimp.h, the levels of docs/tracing.md and the demo of docs/levels.md from the
//! project's own tables and output, and tests that they are current.

mod contract;
mod header;
mod ioctl;
#[path = "../support/mod.rs"]
mod support;

use psimp_harness::demo::model;
use psimp_harness::driver::Source;
use psimp_harness::run::Setup;
use psimp_model::Kernel;
use psimp_protocol::{EventLevel, IOCTLS, RulesMode};
use std::path::Path;
use support::compare;

/// Compares a part of a page, from after the first `start` to before the next `end`.
#[track_caller]
fn compare_part(file: &str, [start, end]: [&str; 2], expected: &str) {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file);
    let (before, rest) = page.split_once(start).expect(start);
    let (_, after) = rest.split_once(end).expect(end);
    compare(file, [before, start, expected, end, after].concat());
}

/// docs/tracing.md names the operations of each level.
#[test]
fn the_levels_of_events_are_current() {
    let names = |level| {
        let rows = IOCTLS.iter().filter(|row| row.event_level() == level);
        let names: Vec<_> = rows.map(|row| row.name).collect();
        let (last, others) = names.split_last().expect("a level has operations");
        format!("{} and {last} that succeeded", others.join(", "))
    };
    let changes = names(EventLevel::Change) + "; start and stop";
    compare_part("../../docs/tracing.md", ["| 4, informational | ", " |\n"], &changes);
    compare_part("../../docs/tracing.md", ["| 5, verbose | ", " |\n"], &names(EventLevel::ReadOnly));
}

#[test]
fn the_demo_in_the_page_about_levels_is_current() {
    let setup = Setup { source: Source::Service, kernel: Kernel::Win10, rules: RulesMode::Documented };
    // Tests of the demo compare this output with the image's.
    let demo = model::run(&setup, "target image, kernel win10, rules documented");
    compare_part("../../docs/levels.md", ["```text\n", "```\n"], &demo.text);
}

#[test]
fn the_ioctl_reference_is_current() {
    compare("../../docs/ioctl.md", ioctl::render());
}

#[test]
fn the_header_for_c_is_current() {
    let header = header::render();
    assert!(header.is_ascii());
    compare("../../include/psimp.h", header);
}
