//! On which rule profiles part.

use crate::answer::Judged;
use psimp_rules::{Integrity, Profile, Rule, Verdict};

/// The rules in the one order that all profiles share. Integrity has two places, of which a
/// profile has one at most; the last two end what no rule decides.
const ORDER: &[Rule] = &[
    Rule::TokenType,
    Rule::LevelBelowThreshold,
    Rule::AnonymousLogon,
    Rule::RestrictedServer,
    Rule::Integrity,
    Rule::ImpersonatePrivilege,
    Rule::TokenLevel,
    Rule::Integrity,
    Rule::OriginSession,
    Rule::UserSid,
    Rule::Elevation,
    Rule::FilteredLogon,
    Rule::Package,
    Rule::Restricted,
    Rule::WriteRestricted,
    Rule::TerminalSession,
    Rule::NoObjection,
    Rule::OneConditionHeld,
];

/// Where a rule stands in the order of a profile's rules.
fn place(profile: &Profile, rule: Rule) -> usize {
    let mut places = (0..).zip(ORDER).filter(|(_, other)| **other == rule).map(|(place, _)| place);
    let place = if profile.integrity == Integrity::Unprivileged { places.last() } else { places.next() };
    place.unwrap_or(ORDER.len())
}

/// The first rule that decides for some profiles, and those that it does not decide for.
#[derive(Clone, Debug)]
pub struct Parting {
    /// The rule.
    pub rule: Rule,
    /// Names and verdicts of the profiles that it decides for.
    pub decides: Vec<(&'static str, Verdict)>,
    /// Those of the profiles that go on to further rules.
    pub goes_on: Vec<(&'static str, Verdict)>,
}

impl Parting {
    pub(crate) fn of<'a>(judged: impl Iterator<Item = &'a Judged>) -> Self {
        let judged: Vec<_> = judged.collect();
        let place = |judged: &&Judged| place(judged.profile, judged.decision.rule);
        let first = judged.iter().map(place).min().unwrap_or(ORDER.len() - 1).min(ORDER.len() - 1);
        let (decides, goes_on): (Vec<_>, Vec<_>) = judged.into_iter().partition(|one| place(one) == first);
        let named = |judged: Vec<&Judged>| {
            judged.into_iter().map(|judged| (judged.profile.name, judged.decision.verdict)).collect()
        };
        Self { rule: ORDER[first], decides: named(decides), goes_on: named(goes_on) }
    }

    /// What all the profiles decide, if that is the same.
    pub fn common(&self) -> Option<Verdict> {
        let mut verdicts = self.decides.iter().chain(&self.goes_on).map(|(_, verdict)| *verdict);
        let first = verdicts.next()?;
        verdicts.all(|other| other == first).then_some(first)
    }

    /// Whether the profiles part at all: by the rule that decides, or by what it decides.
    pub fn is_any(&self) -> bool {
        !self.goes_on.is_empty() || self.common().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::{ORDER, place};
    use crate::{Question, answer};

    /// Every rule of a profile is tried in the order of [`ORDER`].
    #[test]
    fn every_profile_tries_the_rules_in_this_order() {
        let mut count = 0;
        let processes = [
            "",
            "privilege=SeImpersonate",
            "restricted",
            "write-restricted",
            "integrity=low",
            "package=1",
            "filtered",
            "session=0",
        ];
        let tokens = [
            "",
            "user=B",
            "type=primary",
            "logon=anonymous",
            "restricted",
            "write-restricted",
            "integrity=high",
            "elevated,integrity=medium",
            "package=2",
            "session=0",
            "user=B,origin=server",
        ];
        for process in processes {
            for token in tokens {
                for level in ["0", "1", "2", "3"] {
                    let question = Question::parse(process, token, Some(level)).expect("a question");
                    for judged in answer(&question).judged {
                        let places: Vec<_> =
                            judged.steps.iter().map(|step| place(judged.profile, step.rule)).collect();
                        assert!(places.is_sorted_by(|a, b| a < b), "{}: {places:?}", judged.profile.name);
                        assert!(places.last().is_some_and(|last| *last < ORDER.len()), "{places:?}");
                        count += 1;
                    }
                }
            }
        }
        assert_eq!(count, 8 * 11 * 4 * 8);
    }
}
