//! On which rule profiles part.

use super::decision::Tried;
use super::json::Parting;
use psimp_rules::{Integrity, Profile, Rule};
use std::fmt::{self, Display, Formatter};

/// The rules in the one order that all profiles share. Integrity has two places, of which a
/// profile knows one at most; the last two end what no rule has.
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

/// Where a rule stands in [`ORDER`].
fn place(profile: &Profile, rule: Rule) -> usize {
    let mut places = (0..).zip(ORDER).filter(|(_, other)| **other == rule).map(|(place, _)| place);
    let place = if profile.integrity == Integrity::Unprivileged { places.last() } else { places.next() };
    place.unwrap_or(ORDER.len())
}

/// The first rule on which some profiles come to their decisions, and whether others do not, or
/// to others.
pub(super) struct Divergence {
    rule: Rule,
    /// Names and decisions of the profiles that the rule decides for.
    end: Vec<(&'static str, String)>,
    /// Those of the profiles that go on to the next rule.
    go_on: Vec<(&'static str, String)>,
}

impl Divergence {
    pub(super) fn of(answers: &[(&'static Profile, Tried)]) -> Self {
        let place = |(profile, tried): &(&'static Profile, Tried)| place(profile, tried.decision.rule);
        let first = answers.iter().map(place).min().unwrap_or(ORDER.len() - 1);
        let (end, go_on): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| place(answer) == first);
        let named = |answers: Vec<&(&'static Profile, Tried)>| {
            answers.into_iter().map(|(profile, tried)| (profile.name, tried.decided())).collect()
        };
        Self { rule: ORDER[first.min(ORDER.len() - 1)], end: named(end), go_on: named(go_on) }
    }

    /// What all profiles decide, if that is the same.
    fn common(&self) -> Option<&str> {
        let mut decided = self.end.iter().chain(&self.go_on).map(|(_, decided)| decided.as_str());
        let first = decided.next()?;
        decided.all(|other| other == first).then_some(first)
    }

    /// Nothing where profiles part nowhere.
    pub(super) fn json(&self) -> Option<Parting> {
        let same_decision = self.common().is_some();
        let names = |list: &[(&'static str, String)]| list.iter().map(|(name, _)| *name).collect();
        (!self.go_on.is_empty() || !same_decision).then(|| Parting {
            rule: self.rule.name(),
            decides: names(&self.end),
            goes_on: names(&self.go_on),
            same_decision,
        })
    }
}

impl Display for Divergence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rule = self.rule.name();
        match self.common() {
            Some(all) if self.go_on.is_empty() => {
                return writeln!(f, "The profiles part nowhere: {rule} decides {all} in all of them");
            }
            Some(all) => {
                writeln!(f, "First rule on which the profiles part: {rule}; yet all of them decide {all}")?;
            }
            None => writeln!(f, "First rule on which the profiles part: {rule}")?,
        }
        for (what, list) in [("decides for", &self.end), ("goes on for", &self.go_on)] {
            if !list.is_empty() {
                let list: Vec<_> = list.iter().map(|(name, decided)| format!("{name} {decided}")).collect();
                writeln!(f, "  {what}  {}", list.join(", "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::place;
    use crate::commands::explain::decision::Tried;
    use psimp_catalogue::{ClientToken, ServerToken};
    use psimp_nt::Level;
    use psimp_rules::PROFILES;

    #[test]
    fn every_profile_tries_the_rules_in_this_order() {
        let mut count = 0;
        for server in ServerToken::ALL {
            for token in ClientToken::ALL {
                for (profile, level) in PROFILES.iter().flat_map(|p| Level::ALL.map(|level| (p, level))) {
                    let (server, token) = (server.fixture().facts(), token.fixture().facts());
                    let tried = Tried::of(profile, &server, &token, level);
                    let places: Vec<_> = tried.steps.iter().map(|step| place(profile, step.rule)).collect();
                    assert!(places.is_sorted_by(|a, b| a < b), "{}: {places:?}", profile.name);
                    assert!(places.last().is_some_and(|last| *last < 18), "{}: {places:?}", profile.name);
                    count += 1;
                }
            }
        }
        assert_eq!(count, 13 * 34 * 8 * 4);
    }
}
