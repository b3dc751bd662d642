//! psimp.inf: the committed INF, stamped with the date of the source and the version of the workspace.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};

use super::date::SourceDate;
use crate::workspace::Workspace;
use crate::{exec, lint};

/// The version of the workspace in the four parts that an INF wants.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), ".0");

/// The stamped INF, as bytes that keep every rule of the lint.
pub(super) fn make(workspace: &Workspace, date: SourceDate) -> Result<Vec<u8>> {
    let inf = stamp(&read(workspace)?, date)?.into_bytes();
    lint::require_inf(&inf).context("the stamped INF breaks a rule")?;
    Ok(inf)
}

/// The date in the committed INF.
pub(super) fn date(workspace: &Workspace) -> Result<SourceDate> {
    let text = read(workspace)?;
    let stamp = text.lines().find_map(driver_version).context("the INF has no DriverVer")?;
    let date = stamp.split(',').next().unwrap_or_default().trim();
    SourceDate::from_inf(date).with_context(|| format!("the INF's DriverVer is {stamp}"))
}

fn read(workspace: &Workspace) -> Result<String> {
    exec::read(&workspace.root.join(lint::INF))
}

/// The text with another `DriverVer`, and lines that end as Windows expects on every checkout.
fn stamp(text: &str, date: SourceDate) -> Result<String> {
    let mut stamped = 0;
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        if driver_version(line).is_some() {
            stamped += 1;
            let _ = write!(lines, "DriverVer   = {},{VERSION}", date.to_inf());
        } else {
            lines.push_str(line);
        }
        lines.push_str("\r\n");
    }
    ensure!(stamped == 1, "the INF has {stamped} lines DriverVer, not one");
    Ok(lines)
}

/// The value of the line, if it is `DriverVer = …`.
fn driver_version(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    name.trim().eq_ignore_ascii_case("DriverVer").then_some(value.trim())
}

#[cfg(test)]
mod tests {
    use super::{SourceDate, VERSION, stamp};
    use crate::lint;

    const COMMITTED: &str = include_str!("../../../inf/psimp.inx");

    #[test]
    fn only_the_date_and_the_line_ends_differ_from_the_committed_inf() {
        let date = SourceDate::from_inf("12/31/2027").expect("a date");
        let stamped = stamp(COMMITTED, date).expect("it has one DriverVer");
        assert!(stamped.contains(&format!("\r\nDriverVer   = 12/31/2027,{VERSION}\r\n")), "{stamped}");
        assert_eq!(
            stamped.replace("12/31/2027", "01/01/2026").replace("\r\n", "\n"),
            COMMITTED.replace("\r\n", "\n")
        );
        lint::require_inf(stamped.as_bytes()).expect("the stamped INF keeps every rule");
        assert_eq!(stamp(&COMMITTED.replace("\r\n", "\n"), date).expect("the same"), stamped);
    }

    #[test]
    fn an_inf_without_a_stamp_is_refused() {
        let date = SourceDate::from_inf("12/31/2027").expect("a date");
        assert!(stamp(&COMMITTED.replace("DriverVer ", "Version "), date).is_err());
        assert!(stamp(&format!("{COMMITTED}DriverVer = 01/01/2026,1.0.0.0\r\n"), date).is_err());
    }
}
