//! What calls of a running driver cost, beside the system calls that reach the same routines.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Pair {
    /// QUERY of the own thread, a single request.
    Query,
    /// IMPERSONATE of a token of the own user, and REVERT.
    Impersonate,
    /// `SetThreadToken` with the same token, and `RevertToSelf`.
    SetThreadToken,
}

impl Pair {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Query, Self::Impersonate, Self::SetThreadToken];

    /// Its name in figures.
    const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Impersonate => "impersonate_revert",
            Self::SetThreadToken => "set_thread_token_revert_to_self",
        }
    }

    /// Its name in tables.
    const fn title(self) -> &'static str {
        match self {
            Self::Query => "QUERY",
            Self::Impersonate => "IMPERSONATE, REVERT",
            Self::SetThreadToken => "SetThreadToken, RevertToSelf",
        }
    }
}

/// Everything that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OnDevice {
    /// How long it took.
    pub seconds: f64,
    /// The best rate a second of each, on one thread and on two.
    rates: BTreeMap<Pair, [f64; 2]>,
    /// Calls that failed, by status. They are not in the rates.
    pub refused: BTreeMap<String, u64>,
    /// Threads whose slot was not empty after they had reverted, in words.
    pub left: Vec<String>,
}

impl OnDevice {
    /// Records a rate, if it is the best so far.
    pub fn note(&mut self, pair: Pair, threads: usize, rate: f64) {
        let best = self.rates.entry(pair).or_default();
        if let Some(best) = best.get_mut(threads - 1) {
            *best = best.max(rate);
        }
    }

    /// Counts calls that failed.
    pub fn refused(&mut self, status: String, count: u64) {
        *self.refused.entry(status).or_default() += count;
    }

    /// Whether every call was carried out, and nothing is left impersonating.
    pub fn is_clean(&self) -> bool {
        self.refused.is_empty() && self.left.is_empty()
    }

    fn rate(&self, pair: Pair) -> [f64; 2] {
        self.rates.get(&pair).copied().unwrap_or_default()
    }

    /// The pair of system calls takes this part of the time that the pair of requests takes.
    fn ratio(&self) -> f64 {
        self.rate(Pair::Impersonate)[0] / self.rate(Pair::SetThreadToken)[0]
    }

    /// The figures by name.
    pub fn as_json(&self) -> Value {
        let mut figures = Map::new();
        for pair in Pair::ALL {
            let [one, two] = self.rate(*pair);
            figures.insert(format!("{}_per_second", pair.name()), json!(one));
            figures.insert(format!("{}_two_threads_factor", pair.name()), json!(two / one));
        }
        figures.insert("impersonate_revert_to_set_thread_token".to_owned(), json!(self.ratio()));
        json!({
            "target": "device",
            "seconds": self.seconds,
            "figures": figures,
            "refused": self.refused,
            "left": self.left,
        })
    }
}

impl Display for OnDevice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<30} {:>12} {:>12}", "times a second", "one thread", "two threads")?;
        for pair in Pair::ALL {
            let [one, two] = self.rate(*pair);
            writeln!(f, "{:<30} {one:>12.0} {two:>12.0}", pair.title())?;
        }
        writeln!(f, "\nIMPERSONATE, REVERT to SetThreadToken, RevertToSelf: {:.2}", self.ratio())?;
        for (status, count) in &self.refused {
            writeln!(f, "refused  {count:>10}  {status}")?;
        }
        writeln!(f, "threads that still impersonate  {}", self.left.len())?;
        self.left.iter().take(5).try_for_each(|why| writeln!(f, "  {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{OnDevice, Pair};

    #[test]
    fn the_best_rates_are_kept_and_compared() {
        let mut found = OnDevice { seconds: 1.0, ..OnDevice::default() };
        for (pair, threads, rate) in [
            (Pair::Query, 1, 900.0),
            (Pair::Query, 1, 1000.0),
            (Pair::Query, 2, 1500.0),
            (Pair::Impersonate, 1, 400.0),
            (Pair::Impersonate, 2, 600.0),
            (Pair::SetThreadToken, 1, 800.0),
            (Pair::SetThreadToken, 1, 700.0),
            (Pair::SetThreadToken, 2, 1200.0),
        ] {
            found.note(pair, threads, rate);
        }
        assert!(found.is_clean());
        assert_eq!(
            found.to_string(),
            "\
times a second                   one thread  two threads
QUERY                                  1000         1500
IMPERSONATE, REVERT                     400          600
SetThreadToken, RevertToSelf            800         1200

IMPERSONATE, REVERT to SetThreadToken, RevertToSelf: 0.50
threads that still impersonate  0
"
        );
        let figures = &found.as_json()["figures"];
        assert_eq!(figures["query_two_threads_factor"], 1.5);
        assert_eq!(figures["impersonate_revert_to_set_thread_token"], 0.5);
        found.refused("STATUS_ACCESS_DENIED".to_owned(), 2);
        found.refused("STATUS_ACCESS_DENIED".to_owned(), 1);
        assert!(!found.is_clean());
        assert!(found.to_string().contains("refused           3  STATUS_ACCESS_DENIED\n"), "{found}");
        let left = OnDevice { left: vec!["thread 1".to_owned()], ..OnDevice::default() };
        assert!(!left.is_clean() && left.to_string().ends_with("still impersonate  1\n  thread 1\n"));
    }
}
