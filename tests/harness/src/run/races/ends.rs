//! The end states of races, compared with those that the catalogue allows.

use super::env::RaceEnv;
use crate::observe::SlotView;
use crate::result::{Mismatch, mismatch};
use crate::run::setup::Setup;
use psimp_catalogue::{ClientToken, Race, RaceOutcome, Who};
use psimp_protocol::RulesMode;
use std::fmt::Write as _;

/// The end states that are allowed on a setup.
pub(super) fn allowed(setup: &Setup, race: &Race) -> &'static [RaceOutcome] {
    let rules = race.rules.unwrap_or(setup.rules);
    race.ends.of(setup.kernel, rules == RulesMode::Documented)
}

/// Which of the end states the race reached.
pub(super) fn reached(env: &RaceEnv, setup: &Setup, race: &Race) -> Result<usize, Mismatch> {
    let allowed = allowed(setup, race);
    let slot = |who: Who| env.words(env.thread(who).slot().map(|slot| SlotView::from(&slot)).as_ref());
    // All end states list the same threads and tokens.
    let (slots, references): (Vec<_>, Vec<_>) = allowed.first().map_or_else(Default::default, |end| {
        let slots = end.slots.iter().map(|(who, _)| (*who, slot(*who))).collect();
        let references = end.references.iter().map(|(tok, _)| (*tok, env.machine.references(*tok))).collect();
        (slots, references)
    });
    which(allowed, &slots, Some(&references))
}

/// Which of the end states it is; references are compared where they were seen.
pub(crate) fn which(
    allowed: &[RaceOutcome],
    slots: &[(Who, String)],
    references: Option<&[(ClientToken, i64)]>,
) -> Result<usize, Mismatch> {
    let is_it = |end: &RaceOutcome| {
        end.slots.iter().zip(slots).all(|(expected, seen)| expected.1 == seen.1)
            && references.is_none_or(|seen| end.references == seen)
    };
    allowed.iter().position(is_it).ok_or_else(|| {
        let told = |end: &RaceOutcome| words(end.slots, references.map_or(&[][..], |_| end.references));
        let expected: Vec<_> = allowed.iter().map(told).collect();
        let slots: Vec<_> = slots.iter().map(|(who, slot)| (*who, slot.as_str())).collect();
        mismatch("what is left", expected.join(", or "), words(&slots, references.unwrap_or_default()))
    })
}

fn words(slots: &[(Who, &str)], references: &[(ClientToken, i64)]) -> String {
    let slots = slots.iter().map(|(who, slot)| format!("{who:?} {slot}"));
    let references = references.iter().map(|(tok, count)| format!("{}{count:+}", tok.name()));
    format!("[{}; {}]", slots.collect::<Vec<_>>().join(", "), references.collect::<Vec<_>>().join(" "))
}

/// How often a race reached each end state.
pub(crate) struct Tally {
    ends: &'static [RaceOutcome],
    counts: Vec<u64>,
}

impl Tally {
    pub(crate) fn new(ends: &'static [RaceOutcome]) -> Self {
        Self { ends, counts: vec![0; ends.len()] }
    }

    pub(crate) fn count(&mut self, end: usize) {
        if let Some(count) = self.counts.get_mut(end) {
            *count += 1;
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// End states that some schedule must reach, and none has.
    fn missing(&self) -> impl Iterator<Item = &'static RaceOutcome> {
        let ends = self.ends.iter().zip(&self.counts);
        ends.filter(|(end, count)| end.must_occur && **count == 0).map(|(end, _)| end)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing().next().is_none()
    }

    pub(super) fn require_all(&self) -> Result<(), Vec<Mismatch>> {
        let never = |end: &RaceOutcome| {
            mismatch("ends over all schedules", words(end.slots, end.references), "never came")
        };
        let missing: Vec<_> = self.missing().map(never).collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }

    /// The slots of each end state, and how often it was reached.
    pub(crate) fn words(&self) -> String {
        let mut text = String::new();
        for (end, count) in self.ends.iter().zip(&self.counts).filter(|(_, count)| **count != 0) {
            let slots: Vec<_> = end.slots.iter().map(|(who, slot)| format!("{who:?} {slot}")).collect();
            let separator = if text.is_empty() { "" } else { ", or " };
            let _ = write!(text, "{separator}{} ({count})", slots.join(", "));
        }
        text
    }
}
