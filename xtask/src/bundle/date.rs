//! The date in a bundle. Never the clock's: a commit gives the same bytes on every day.

use std::fmt;
use std::process::Command;

use anyhow::{Context, Result};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike, Utc};

use crate::exec;
use crate::workspace::Workspace;

/// The usual variable for the date of a reproducible build, in seconds since 1970.
const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// The date of the source, to the second, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SourceDate(DateTime<Utc>);

impl SourceDate {
    /// `SOURCE_DATE_EPOCH` if that is set; else the commit's date; else, in a tree without history, the INF's.
    pub(super) fn find(workspace: &Workspace, of_inf: impl FnOnce() -> Result<Self>) -> Result<Self> {
        if let Some(value) = std::env::var_os(VARIABLE) {
            let value = value.to_string_lossy();
            return Self::parse(&value).with_context(|| format!("{VARIABLE} is {value:?}"));
        }
        let mut git = Command::new("git");
        git.args(["log", "-1", "--format=%ct"]).current_dir(&workspace.root);
        match exec::stdout(&mut git) {
            Ok(seconds) => Self::parse(seconds.trim()).context("git prints no date"),
            Err(_) => of_inf(),
        }
    }

    /// Seconds since 1970. Years that a ZIP archive cannot express are refused.
    fn parse(text: &str) -> Result<Self> {
        let seconds = text.parse().context("seconds since 1970 are a number")?;
        let date = DateTime::from_timestamp(seconds, 0).filter(|date| (1980..=2107).contains(&date.year()));
        date.map(Self).context("the date is not between 1980 and 2107")
    }

    /// The beginning of mm/dd/yyyy.
    pub(super) fn from_inf(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(str::parse::<u32>);
        let (month, day, year) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        Some(Self(date.and_time(NaiveTime::MIN).and_utc()))
    }

    /// Seconds since 1970.
    pub(super) fn seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// The date as an INF has it.
    pub(super) fn to_inf(self) -> String {
        format!("{:02}/{:02}/{:04}", self.0.month(), self.0.day(), self.0.year())
    }

    /// The date as an archive has it, which counts in steps of two seconds.
    pub(super) fn to_zip(self) -> Result<zip::DateTime> {
        let (date, time) = (self.0, self.0.time());
        let part = |value: u32| u8::try_from(value).context("a part of a date");
        let year = u16::try_from(date.year()).context("a year")?;
        let [month, day] = [part(date.month())?, part(date.day())?];
        let [hour, minute, second] = [part(time.hour())?, part(time.minute())?, part(time.second())?];
        Ok(zip::DateTime::from_date_and_time(year, month, day, hour, minute, second)?)
    }
}

impl fmt::Display for SourceDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.0, self.0.time());
        write!(f, "{:04}-{:02}-{:02}T", date.year(), date.month(), date.day())?;
        write!(f, "{:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second())
    }
}

#[cfg(test)]
mod tests {
    use super::SourceDate;

    #[test]
    fn a_date_is_written_in_each_notation() {
        let date = SourceDate::parse("1783123456").expect("a date");
        assert_eq!(date.to_string(), "2026-07-04T00:04:16Z");
        assert_eq!(date.to_inf(), "07/04/2026");
        let zip = date.to_zip().expect("an archive can express it");
        assert_eq!((zip.year(), zip.month(), zip.day(), zip.minute()), (2026, 7, 4, 4));
        let day = SourceDate::from_inf("07/04/2026").expect("a date");
        assert_eq!(day.to_string(), "2026-07-04T00:00:00Z");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "yesterday", "0", "4354819200", "99999999999999999999"] {
            assert!(SourceDate::parse(text).is_err(), "{text}");
        }
        for text in ["13/01/2026", "2026-01-01", "02/30/2026", ""] {
            assert_eq!(SourceDate::from_inf(text), None, "{text}");
        }
    }
}
