//! psimp.inf: the committed INX, stamped with the architecture, the date of the source and the version of the
//! workspace.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};

use super::date::SourceDate;
use crate::build::Arch;
use crate::workspace::Workspace;
use crate::{exec, lint};

/// The stamped INF, as bytes that keep every rule of the lint.
pub(super) fn make(workspace: &Workspace, arch: Arch, date: SourceDate) -> Result<Vec<u8>> {
    let inf = stamp(&read(workspace)?, arch, date)?.into_bytes();
    lint::require_inf(&inf, arch).context("the stamped INF breaks a rule")?;
    Ok(inf)
}

/// The date in the committed INX.
pub(super) fn date(workspace: &Workspace) -> Result<SourceDate> {
    let text = read(workspace)?;
    let stamp = text.lines().find_map(driver_version).context("the INX has no DriverVer")?;
    let date = stamp.split(',').next().unwrap_or_default().trim();
    SourceDate::from_inf(date).with_context(|| format!("the INX's DriverVer is {stamp}"))
}

fn read(workspace: &Workspace) -> Result<String> {
    exec::read(&workspace.root.join(lint::INF))
}

/// The text for an architecture, with another `DriverVer`, and lines that end as Windows expects on every checkout.
fn stamp(text: &str, arch: Arch, date: SourceDate) -> Result<String> {
    let text = lint::inf_for_arch(text, arch);
    let mut stamped = 0;
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        if driver_version(line).is_some() {
            stamped += 1;
            let _ = write!(lines, "DriverVer   = {},{}", date.to_inf(), lint::VERSION);
        } else {
            lines.push_str(line);
        }
        lines.push_str("\r\n");
    }
    ensure!(stamped == 1, "the INX has {stamped} lines DriverVer, not one");
    Ok(lines)
}

/// The value of the line, if it is `DriverVer = …`.
fn driver_version(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    name.trim().eq_ignore_ascii_case("DriverVer").then_some(value.trim())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use snapbox::data::{Data, DataFormat};

    use super::{SourceDate, stamp};
    use crate::build::Arch;
    use crate::lint;

    const COMMITTED: &str = include_str!("../../../psimp.inx");

    fn stamped(arch: Arch, date: &str) -> String {
        stamp(COMMITTED, arch, SourceDate::from_inf(date).expect("a date")).expect("it has one DriverVer")
    }

    /// `inf/` has them, to be read or verified without building one.
    #[test]
    fn the_stamped_infs_are_current() {
        for (arch, folder) in [(Arch::X64, "x64"), (Arch::Arm64, "arm64")] {
            let stamped = stamped(arch, "01/01/2026");
            lint::require_inf(stamped.as_bytes(), arch).expect("the stamped INF keeps every rule");
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inf").join(folder).join("psimp.inf");
            snapbox::assert_data_eq!(
                Data::binary(stamped.into_bytes()),
                Data::read_from(&path, Some(DataFormat::Binary)).raw()
            );
        }
    }

    #[test]
    fn only_architecture_date_and_line_ends_differ_from_the_committed_inx() {
        let stamped = stamped(Arch::Arm64, "12/31/2027");
        assert!(
            stamped.contains(&format!("\r\nDriverVer   = 12/31/2027,{}\r\n", lint::VERSION)),
            "{stamped}"
        );
        assert!(stamped.contains("\r\n[DefaultInstall.NTarm64.Services]\r\n"), "{stamped}");
        assert_eq!(
            stamped.replace("12/31/2027", "01/01/2026").replace("\r\n", "\n"),
            COMMITTED.replace("NT$ARCH$", "NTarm64").replace("\r\n", "\n")
        );
        let unix = COMMITTED.replace("\r\n", "\n");
        let date = SourceDate::from_inf("12/31/2027").expect("a date");
        assert_eq!(stamp(&unix, Arch::Arm64, date).expect("the same"), stamped);
    }

    #[test]
    fn an_inx_without_a_stamp_is_refused() {
        let date = SourceDate::from_inf("12/31/2027").expect("a date");
        assert!(stamp(&COMMITTED.replace("DriverVer ", "Version "), Arch::X64, date).is_err());
        let twice = format!("{COMMITTED}DriverVer = 01/01/2026,1.0.0.0\r\n");
        assert!(stamp(&twice, Arch::X64, date).is_err());
    }
}
