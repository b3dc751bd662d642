//! docs/levels.md compared with the cases.

use psimp_catalogue::{Body, Context, Judge, Program, Step, cases};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/levels.md");

#[test]
fn the_page_names_every_case_of_the_group_and_no_other() {
    let words = PAGE.split(|c: char| !c.is_ascii_alphanumeric());
    let is_id = |word: &&str| {
        word.len() == 3 && word.starts_with('L') && word.bytes().skip(1).all(|byte| byte.is_ascii_digit())
    };
    let named: BTreeSet<_> = words.filter(is_id).collect();
    let cases = cases();
    let group: BTreeSet<_> = cases.iter().map(|case| case.id).filter(|id| id.starts_with('L')).collect();
    assert_eq!(named, group);
}

/// Each cell is yes or no and names a case: in that case the client's identity grants something, or
/// nothing.
#[test]
fn the_table_says_what_the_cases_expect() {
    let cases = cases();
    let mut cells = 0;
    for line in PAGE.lines().filter(|line| line.matches("(L").count() == 4) {
        for cell in line.trim_matches('|').split('|').skip(1) {
            let (says, id) = cell.trim().trim_end_matches(')').split_once(" (").expect("a case");
            let case = cases.iter().find(|case| case.id == id).expect("a case of the catalogue");
            let Body::Script(script) = case.body else { panic!("{id} is no script") };
            let allows = script.steps.iter().any(allowed);
            assert_eq!(allows, says.starts_with("yes"), "{id}: {cell}");
            cells += 1;
        }
    }
    assert_eq!(cells, 16);
}

/// Whether the client's identity grants something in this step.
fn allowed(step: &Step) -> bool {
    let (Step::Program(Program::OpenToken { status, .. })
    | Step::Judge(Judge::Open(_, _, status))
    | Step::Context(Context::Create { status, .. })) = *step
    else {
        return false;
    };
    status.is_success()
}
