//! Group D: one call on an idle thread.

use super::setup::Way;
use crate::client::{Client, Contract};
use crate::driver::Failure;
use crate::machine::Machine;
use crate::observe::{self, SlotView};
use crate::result::{Comparison, Mismatch, compare, mismatch};
use psimp_catalogue::{Column, DecisionRow, Driver};
use psimp_model::{Kernel, Thread};
use psimp_nt::{Level, Status};
use psimp_protocol::RulesMode;
use psimp_protocol::wire::{self, decided_by, effect, slot_flags, verdict};
use psimp_rules::{DOC, Restriction, Rule, decide};

/// The stricter of the decisions of driver and kernel, and whether it is the
/// driver's documented rule.
pub(crate) fn through_driver(row: &DecisionRow, kernel: Kernel, rules: RulesMode) -> (Column, bool) {
    let kernel = row.of(kernel);
    match (rules, row.doc, kernel) {
        (RulesMode::Documented, Column::C(..), _) => (row.doc, true),
        (RulesMode::Documented, Column::K(_), Column::K(_)) => (kernel, true),
        (RulesMode::Documented, Column::K(_), Column::C(..)) | (RulesMode::Kernel, _, _) => (kernel, false),
    }
}

pub(super) fn run(machine: &Machine, way: Way<'_>, row: &DecisionRow) -> Comparison {
    match way {
        Way::Kernel => {
            let level = u32::from(row.level);
            let token = machine.token(row.token);
            let status =
                machine.system.ps_impersonate_client(&machine.thread, Some(&token), false, false, level);
            drop(token);
            if let Err(status) = status {
                return Err(vec![mismatch("PsImpersonateClient", "STATUS_SUCCESS", status.to_string())]);
            }
            let slot = machine.thread.slot().map(|slot| SlotView::from(&slot));
            finish(machine, row, row.of(machine.kernel()), slot.as_ref(), Vec::new())
        }
        Way::Driver(client, rules) => through(client, rules, row),
    }
}

fn through(client: &Client<'_>, rules: RulesMode, row: &DecisionRow) -> Comparison {
    let machine = client.machine;
    let mut differences = check_evaluation(client, row);
    let result = client.impersonate(row.token, false, false, row.level.into(), rules);
    let outcome = match (row.driver, result) {
        (Driver::Refused, Err(Failure::Status(Status::BAD_IMPERSONATION_LEVEL))) => {
            if machine.thread.is_impersonating() {
                differences.push(mismatch("slot after the refusal", "idle", "impersonating"));
            }
            return if differences.is_empty() { Ok(REFUSED.to_owned()) } else { Err(differences) };
        }
        (Driver::Refused, result) => {
            let observed = result.map_or_else(|f| f.to_string(), |_| "STATUS_SUCCESS".to_owned());
            return Err(vec![mismatch("IMPERSONATE", "STATUS_BAD_IMPERSONATION_LEVEL", observed)]);
        }
        (Driver::Passed, Err(failure)) => {
            return Err(vec![mismatch("IMPERSONATE", "STATUS_SUCCESS", failure.to_string())]);
        }
        (Driver::Passed, Ok(outcome)) => outcome,
    };
    let (expected, by_driver) = through_driver(row, machine.kernel(), rules);
    compare_outcome(&mut differences, row, expected, by_driver, &outcome);
    let logon = row.token.fixture().logon.luid().0;
    compare(
        &mut differences,
        "outcome: authentication id",
        &format!("{logon:#x}"),
        &format!("{:#x}", outcome.authentication_id),
    );
    let slot = queried(client, &machine.thread, &mut differences);
    let access = observe::access_through(client).unwrap_or_else(|failure| failure.to_string());
    compare(&mut differences, "ACCESS_CHECK", &expected.observed(row.token).access, &access);
    finish(machine, row, expected, slot.as_ref(), differences)
}

/// The slot as QUERY reports it, which must match the kernel's.
pub(super) fn queried(
    client: &Client<'_>,
    thread: &Thread,
    differences: &mut Vec<Mismatch>,
) -> Option<SlotView> {
    let held = thread.slot().map(|slot| SlotView::from(&slot));
    match client.query().map_err(|failure| failure.to_string()).and_then(|r| SlotView::from_reply(&r)) {
        Ok(slot) => {
            compare(
                differences,
                "QUERY against the kernel's slot",
                &format!("{held:?}"),
                &format!("{slot:?}"),
            );
            slot
        }
        Err(problem) => {
            differences.push(mismatch("QUERY", "a slot", problem));
            held
        }
    }
}

/// Checks that EVALUATE reports the decision of the documented rule, and changes nothing.
fn check_evaluation(client: &Client<'_>, row: &DecisionRow) -> Vec<Mismatch> {
    let mut differences = Vec::new();
    compare_evaluation(&mut differences, row, &client.evaluate(row.token, row.level.into()));
    if client.machine.thread.is_impersonating() {
        differences.push(mismatch("slot after EVALUATE", "idle", "impersonating"));
    }
    differences
}

/// Compares the reply of EVALUATE with the documentation's column.
pub(crate) fn compare_evaluation(
    differences: &mut Vec<Mismatch>,
    row: &DecisionRow,
    evaluated: &Result<wire::Evaluation, Failure>,
) {
    match (row.driver, evaluated) {
        (Driver::Passed, Ok(evaluation)) => {
            let (expected_verdict, effect) = match row.doc {
                Column::K(_) => (verdict::KEPT, effect::KEEP),
                Column::C(..) => (verdict::COPIED, effect::DENY),
            };
            let steps = usize::try_from(evaluation.steps).unwrap_or(usize::MAX);
            let last = steps.checked_sub(1).and_then(|last| evaluation.trace.get(last));
            let tail = evaluation.trace.iter().skip(steps).filter(|step| step.rule != 0 || step.effect != 0);
            let observed = (evaluation.verdict, evaluation.level, last.map(|step| step.effect), tail.count());
            let expected = (expected_verdict, u32::from(row.doc.level()), Some(effect), 0);
            compare(
                differences,
                "EVALUATE: verdict, level, last effect, steps after it",
                &format!("{expected:?}"),
                &format!("{observed:?}"),
            );
            if let Column::C(_, rule) = row.doc {
                let rules = (evaluation.rule, last.map(|step| u32::from(step.rule)));
                let expected = (rule as u32, Some(rule as u32));
                compare(differences, "EVALUATE: rule", &format!("{expected:?}"), &format!("{rules:?}"));
            }
        }
        (Driver::Refused, Err(Failure::Status(Status::BAD_IMPERSONATION_LEVEL))) => (),
        (driver, evaluated) => {
            differences.push(mismatch("EVALUATE", format!("{driver:?}"), format!("{evaluated:?}")));
        }
    }
}

/// Compares the outcome of IMPERSONATE, except for the logon session.
pub(crate) fn compare_outcome(
    differences: &mut Vec<Mismatch>,
    row: &DecisionRow,
    expected: Column,
    by_driver: bool,
    outcome: &wire::Outcome,
) {
    let expected_verdict = match expected {
        Column::K(_) => verdict::KEPT,
        Column::C(..) => verdict::COPIED,
    };
    let decider = if by_driver { decided_by::DRIVER } else { decided_by::KERNEL };
    let mut number = |what: &str, expected: u32, observed: u32| {
        compare(differences, &format!("outcome: {what}"), &expected.to_string(), &observed.to_string());
    };
    number("status", 0, outcome.status);
    number("level asked", row.level.into(), outcome.level_asked);
    number("level stored", expected.level().into(), outcome.level_stored);
    number("verdict", expected_verdict, outcome.verdict);
    number("decided by", decider, outcome.decided_by);
    let restricted = match row.token.fixture().restriction {
        Restriction::None => 0,
        Restriction::Restricted | Restriction::WriteRestricted => slot_flags::RESTRICTED,
    };
    number("flags", slot_flags::ACTIVE | restricted, outcome.flags);
    number("reserved", 0, outcome.reserved);
    match (expected, by_driver) {
        (Column::C(_, rule), true) => number("rule", rule as u32, outcome.rule),
        (_, false) => number("rule", 0, outcome.rule),
        (Column::K(_), true) => (),
    }
    let same = outcome.token_asked == outcome.token_stored;
    let kept = matches!(expected, Column::K(_));
    compare(differences, "outcome: stored token is the one asked", &kept.to_string(), &same.to_string());
}

/// The result of a decision that came as expected.
pub(crate) fn in_words(column: Column) -> String {
    match column {
        Column::K(level) => format!("kept at {level}"),
        Column::C(level, rule) => format!("copied at {level}: {}", rule.name()),
    }
}

/// The result of a request that the driver refuses, as expected.
pub(crate) const REFUSED: &str = "refused: above the token's own level";

fn finish(
    machine: &Machine,
    row: &DecisionRow,
    expected: Column,
    slot: Option<&SlotView>,
    mut differences: Vec<Mismatch>,
) -> Comparison {
    let observed = observe::decision(machine, slot, row.token);
    let expected_words = expected.observed(row.token);
    compare(&mut differences, "slot", &expected_words.slot, &observed.slot);
    compare(&mut differences, "open", &expected_words.open, &observed.open);
    compare(&mut differences, "access", &expected_words.access, &observed.access);
    if differences.is_empty() {
        return Ok(in_words(expected));
    }
    let rule = deciding_rules(machine, row);
    for difference in &mut differences {
        difference.rule = Some(rule.clone());
    }
    Err(differences)
}

/// The rule that decides a row through the driver, with the profile that has it; none where the driver refuses
/// the call, or no source documents what the kernel does.
pub(crate) fn rule_that_decides(row: &DecisionRow, kernel: Kernel, rules: RulesMode) -> Option<String> {
    if row.driver == Driver::Refused || !kernel.is_nt() {
        return None;
    }
    let (_, by_driver) = through_driver(row, kernel, rules);
    let profile = if by_driver { &DOC } else { kernel.profile() };
    let asked = Level::from_raw(row.level.into())?;
    let machine = Machine::new(kernel);
    machine.become_server(row.server);
    let (primary, token) = (machine.process.primary().facts(), machine.token(row.token).facts());
    let rule = decide(profile, Some(&primary), &token, asked).rule;
    Some(format!("{}: {}", profile.name, rule.name()))
}

/// The deciding rules of the kernel and of the documentation.
fn deciding_rules(machine: &Machine, row: &DecisionRow) -> String {
    let Some(asked) = Level::from_raw(row.level.into()) else { return "no level".to_owned() };
    let (primary, token) = (machine.process.primary().facts(), machine.token(row.token).facts());
    let rule = |profile| decide(profile, Some(&primary), &token, asked).rule;
    let kernel = machine.kernel().profile();
    let name = Rule::name;
    format!("{}: {}; DOC: {}", kernel.name, name(rule(kernel)), name(rule(&DOC)))
}
