//! A survey as text.

use super::{Fit, Observation, Row, Survey};
use psimp_rules::PROFILES;
use std::fmt::{self, Display, Formatter};

impl Display for Survey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "target  {}\n", self.about)?;
        let title = self.decisions.iter().map(|row| row.title.chars().count()).max().unwrap_or(0);
        let came = self.decisions.iter().filter(|row| row.observed.asked());
        let came = came.map(|row| row.observed.to_string().len()).max().unwrap_or(0);
        for row in &self.decisions {
            let Row { id, title: words, observed, .. } = row;
            if observed.asked() {
                let observed = observed.to_string();
                writeln!(f, "{id:<5} {words:<title$}  {observed:<came$}  {}", agreeing(row))?;
            } else {
                writeln!(f, "{id:<5} {words:<title$}  {observed}")?;
            }
        }
        writeln!(f, "\n{} of {} decisions asked", self.asked, self.decisions.len())?;
        writeln!(f, "\nProfiles, and how often each says what came")?;
        for Fit { profile, describes, agrees, .. } in &self.profiles {
            writeln!(f, "  {profile:<12} {agrees:>3}  {describes}")?;
        }
        writeln!(f)?;
        self.lines().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Survey {
    /// Which profile fits best, and where it does not.
    pub(super) fn lines(&self) -> Vec<String> {
        let best: Vec<_> = self.profiles.iter().filter(|fit| self.best.contains(&fit.profile)).collect();
        let mut lines = vec![self.headline()];
        for fit in &best {
            lines.extend(fit.otherwise.iter().map(|other| {
                let came = self.decision(&other.id).map_or_else(String::new, |row| row.observed.to_string());
                let (id, says, rule, profile) = (&other.id, &other.says, &other.rule, &fit.profile);
                format!("  {id:<5} {came}; {profile} says {says}: {rule}")
            }));
        }
        if best.len() > 1 {
            lines.push(if self.would_part.is_empty() {
                "No decision of the catalogue would part them.".to_owned()
            } else {
                "These decisions would part them:".to_owned()
            });
            lines.extend(self.alike(&self.would_part));
        }
        lines
    }

    /// Decisions with what came of them, those with the same in one line.
    fn alike(&self, ids: &[String]) -> Vec<String> {
        let mut groups: Vec<(&Observation, Vec<&str>)> = Vec::new();
        for Row { id, observed, .. } in ids.iter().filter_map(|id| self.decision(id)) {
            match groups.iter_mut().find(|(known, _)| *known == observed) {
                Some((_, group)) => group.push(id),
                None => groups.push((observed, vec![id])),
            }
        }
        let line = |(observed, ids): &(&Observation, Vec<&str>)| {
            let asked = if observed.asked() { "asked: " } else { "" };
            format!("  {}: {asked}{observed}", ids.join(" "))
        };
        groups.iter().map(line).collect()
    }

    /// The best profile in one line.
    pub(super) fn headline(&self) -> String {
        if self.best.is_empty() {
            let why = if self.asked == 0 { "Nothing was asked" } else { "No profile says what came" };
            return format!("{why}, so none fits best.");
        }
        let agrees = self.profiles.first().map_or(0, |fit| fit.agrees);
        let how = if agrees == self.asked {
            format!("in all {agrees} decisions")
        } else {
            format!("in {agrees} of {} decisions", self.asked)
        };
        match self.best.as_slice() {
            [one] => format!("{one} fits best, {how}."),
            several => format!("{} fit equally well, {how}.", several.join(", ")),
        }
    }
}

/// The profiles that say the same, in brief.
pub(super) fn agreeing(row: &Row) -> String {
    let others: Vec<_> = PROFILES
        .iter()
        .map(|profile| profile.name)
        .filter(|name| !row.agree.iter().any(|n| n == name))
        .collect();
    match (row.agree.as_slice(), others.as_slice()) {
        (_, []) => "all".to_owned(),
        ([], _) => "none".to_owned(),
        (some, others) if some.len() > others.len() => format!("all but {}", others.join(" ")),
        (some, _) => some.join(" "),
    }
}
