//! Profiles, compared with what came.

use super::observation::{Observation, words};
use super::{Fit, Otherwise};
use psimp_catalogue::DecisionRow;
use psimp_nt::Level;
use psimp_rules::{Decision, PROFILES, Profile, decide};
use std::cmp::Reverse;

/// What a profile says of a row. A level that there is not is the highest one.
pub(super) fn says(profile: &Profile, row: &DecisionRow) -> Decision {
    let level = Level::from_raw(row.level.into()).unwrap_or(Level::Delegation);
    decide(profile, Some(&row.server.fixture().facts()), &row.token.fixture().facts(), level)
}

/// Every profile, the best first; those that fit equally well in the order of tables.
pub(super) fn fits(came: &[(&DecisionRow, Observation)]) -> Vec<Fit> {
    let asked: Vec<_> = came.iter().filter(|(_, observed)| observed.asked()).collect();
    let of = |profile: &Profile| {
        let otherwise = asked.iter().filter_map(|(row, observed)| {
            let decision = says(profile, row);
            (!observed.agrees(&decision)).then(|| Otherwise {
                id: row.id.to_owned(),
                says: words(decision.verdict),
                rule: decision.rule.name().to_owned(),
            })
        });
        let otherwise: Vec<_> = otherwise.collect();
        Fit {
            profile: profile.name.to_owned(),
            describes: profile.describes.to_owned(),
            agrees: asked.len() - otherwise.len(),
            otherwise,
        }
    };
    let mut fits: Vec<_> = PROFILES.into_iter().map(of).collect();
    fits.sort_by_key(|fit| Reverse(fit.agrees));
    fits
}

/// The rows on which these profiles differ, asked or not.
pub(super) fn would_part(came: &[(&DecisionRow, Observation)], profiles: &[String]) -> Vec<String> {
    let named: Vec<_> =
        PROFILES.into_iter().filter(|profile| profiles.iter().any(|name| name == profile.name)).collect();
    let differ = |row: &DecisionRow| {
        let words: Vec<_> = named.iter().map(|profile| words(says(profile, row).verdict)).collect();
        words.windows(2).any(|pair| pair[0] != pair[1])
    };
    came.iter().filter(|(row, _)| differ(row)).map(|(row, _)| row.id.to_owned()).collect()
}
