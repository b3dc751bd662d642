//! The figures of the committed baseline, in a file.

use super::Report;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The figures of one measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The release.
    pub version: String,
    /// What later versions compare themselves with: [`Report::compared`].
    pub compared: BTreeMap<String, f64>,
    /// Figures that depend on the machine: [`Report::absolute`]. They are not compared.
    pub absolute: BTreeMap<String, f64>,
}

impl Baseline {
    /// A report as a baseline of this version.
    pub fn of(report: &Report) -> Self {
        let rounded = |figures: BTreeMap<String, f64>| {
            figures.into_iter().map(|(name, value)| (name, four_digits(value))).collect()
        };
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            compared: rounded(report.compared()),
            absolute: rounded(report.absolute()),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is not a baseline.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no baseline", path.display()))
    }

    /// The text of its file.
    ///
    /// # Errors
    /// When it is no JSON, which has neither infinity nor what is no number.
    pub fn to_text(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// Rounds to four digits, the precision of the measurements; whole numbers stay whole.
fn four_digits(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() || (value.fract() == 0.0 && value < 1e6) {
        return value;
    }
    // By way of a decimal string, so that the file has four digits too.
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::four_digits;

    #[test]
    fn figures_are_rounded_to_what_they_are_worth() {
        let given = [1_234_567.8, 12_345.0, 1.234_567, 0.000_123_456, 0.0];
        let rounded = given.map(|value| four_digits(value).to_string());
        assert_eq!(rounded, ["1235000", "12345", "1.235", "0.0001235", "0"]);
    }
}
