//! What explains a decision that came otherwise than expected.

use super::Observation;
use super::fit::says;
use super::observation::words;
use psimp_catalogue::DecisionRow;
use psimp_rules::PROFILES;

/// Which profiles say what came, each with its rule; nothing for a slot that no decision leaves. The slot is in the
/// notation of cases, such as `copy of A2 imp/1 co0 eo0 L1`.
pub(crate) fn explained(row: &DecisionRow, slot: &str) -> Option<String> {
    let level = slot.rsplit_once(" L")?.1.parse().ok()?;
    let copied = slot.starts_with("copy of ");
    let came = if copied { Observation::Copied { level } } else { Observation::Kept { level } };
    let decisions = PROFILES.into_iter().map(|profile| (profile, says(profile, row)));
    let agreeing = decisions.filter(|(_, decision)| came.agrees(decision));
    let agreeing = agreeing.map(|(profile, decision)| {
        format!("{} says {}: {}", profile.name, words(decision.verdict), decision.rule.name())
    });
    let agreeing: Vec<_> = agreeing.collect();
    Some(if agreeing.is_empty() { format!("no profile says {came}") } else { agreeing.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::super::decisions;
    use super::explained;

    fn of(id: &str, slot: &str) -> Option<String> {
        let row = decisions().into_iter().find(|row| row.id == id).expect("a row");
        explained(row, slot)
    }

    #[test]
    fn what_came_is_explained_by_every_profile_that_says_it() {
        let integrity = "W10 says copied at 1: integrity, W10-recent says copied at 1: integrity, \
                         Peios says copied at 1: integrity";
        assert_eq!(of("D50", "copy of AH2 imp/1 co0 eo0 L1").as_deref(), Some(integrity));
        let any = "DOC-ANY says kept at 2: one condition held";
        assert_eq!(of("D13", "B2 co0 eo0 L2").as_deref(), Some(any));
        assert_eq!(of("D01", "A2 L1").as_deref(), Some("no profile says kept at 1"));
        assert_eq!(of("D01", "idle"), None);
    }
}
