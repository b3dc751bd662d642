//! Checks the INF's consistency and the rules for primitive driver packages: those that install by
//! `DefaultInstall`, from the driver store, without a device. `InfVerif` runs on Windows only; the numbers are its
//! errors of the same meaning, as far as it is documented. It checks more.

mod install;
mod parse;
mod services;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};

use self::parse::{Entry, Parsed};
use super::{Report, Rule};
use crate::build::Arch;
use crate::workspace::Workspace;

/// What the INF is made from, below the workspace's root: where stampinf's callers, cargo-wdk and wdk-build's flow,
/// look for it, beside the driver's manifest and under the package's name.
pub(crate) const PATH: &str = "psimp.inx";

/// What stampinf replaces by the architecture.
const ARCH: &str = "$ARCH$";

pub(super) const IMAGE: &str = "psimp.sys";
pub(super) const SERVICE: &str = "PsImpersonate";

/// The rules about the INF.
pub(super) const RULES: &[Rule] = &[
    ("inf-encoding", "ASCII without a byte order mark, which every code page reads alike"),
    ("inf-lines", "lines end with CR LF, and hold no tab or other control character"),
    (
        "inf-syntax",
        "every line is a header, an entry or a comment, with its quotes closed, and is not continued",
    ),
    ("inf-repeated", "no section twice, whose entries would silently be merged, and no entry twice in one"),
    ("inf-variables", "no $VARIABLE$ of stampinf is left, once $ARCH$ is the architecture"),
    ("inf-strings", "every %token% is defined in [Strings] (1235), without a variable of the environment"),
    ("inf-strings-used", "every string is used"),
    ("inf-signature", "Signature is $Windows NT$"),
    ("inf-class", "Class and ClassGuid are those of one class of Windows"),
    ("inf-provider", "Provider is a token, and not Microsoft (1204)"),
    ("inf-catalog", "CatalogFile names the catalogue, or there is nothing to sign (1233)"),
    ("inf-version", "DriverVer is mm/dd/yyyy and the version of the workspace in four parts"),
    ("inf-lockdown", "PnpLockdown is 1: the files cannot be changed behind the driver store's back"),
    (
        "inf-no-device",
        "nothing of a device driver's INF: no [Manufacturer], no class, no hardware (1212, 1285)",
    ),
    (
        "inf-decorated",
        "the sections of DefaultInstall are decorated with one architecture, which is the image's",
    ),
    (
        "inf-uninstall",
        "no DefaultUninstall: it is for Windows before 10 1903, which has no primitive drivers",
    ),
    ("inf-directives", "no directive but those of a package that keeps to itself (1300 to 1302, 2222)"),
    ("inf-copy", "each installation copies psimp.sys, by a section, and nothing else"),
    (
        "inf-destination",
        "the destination is 13, the driver store, without a subfolder or another name (1100, 1306)",
    ),
    (
        "inf-source",
        "[SourceDisksFiles] has just the files that are copied, each on a disk of [SourceDisksNames] (1230)",
    ),
    ("inf-referenced", "every section that is referred to exists (1203)"),
    ("inf-unreferenced", "every section is referred to (2083)"),
    ("inf-service", "each installation adds the service, which belongs to no device: no flags"),
    ("inf-service-binary", "ServiceBinary is %13%\\psimp.sys, which the same installation copies"),
    ("inf-service-type", "ServiceType is 1, a kernel driver"),
    ("inf-service-start", "StartType is 3: started on demand, never at boot"),
    ("inf-service-error", "ErrorControl is 1: a failure is noted, and the system starts"),
    ("inf-registry", "the registry is written below HKR only (1221, 1304)"),
    ("inf-no-coinstaller", "no co-installer: Windows 10 has KMDF 1.15 in it (1303)"),
    (
        "inf-kmdf",
        "a .Wdf section is not needed without a device; if there are any, they name the service and KMDF 1.15",
    ),
];

pub(super) fn check(workspace: &Workspace, arch: Arch, report: &mut Report) -> Result<()> {
    let text =
        fs::read_to_string(workspace.root.join(PATH)).with_context(|| format!("cannot read {PATH}"))?;
    check_bytes(for_arch(&text, arch).as_bytes(), arch, report);
    Ok(())
}

/// The INF for one architecture, as `stampinf -a` makes it.
pub(crate) fn for_arch(text: &str, arch: Arch) -> String {
    text.replace(ARCH, arch.inf())
}

/// Fails with the violations of an INF that is made for an image of this architecture.
pub(crate) fn require(bytes: &[u8], arch: Arch) -> Result<()> {
    let mut report = Report::default();
    check_bytes(bytes, arch, &mut report);
    ensure!(report.violations.is_empty(), "{}", report.violations.join("\n"));
    Ok(())
}

fn check_bytes(bytes: &[u8], arch: Arch, report: &mut Report) {
    text::check_bytes(bytes, report);
    let text = String::from_utf8_lossy(bytes);
    let parsed = parse::parse(&text);
    text::check(&text, &parsed, report);
    let install = format!("defaultinstall.nt{}", arch.inf());
    let mut inf = Inf { parsed: &parsed, install: &install, used: BTreeSet::new(), report };
    inf.check_version();
    inf.check_entry_points();
    inf.check_copies();
    inf.check_services();
    inf.check_directives();
    inf.check_registry();
    inf.check_kmdf();
    inf.check_all_used();
    report.figure("rules of the INF", RULES.len());
}

/// The INF, and which of its sections something refers to.
struct Inf<'a> {
    parsed: &'a Parsed,
    /// The section that Windows installs on the image's architecture.
    install: &'a str,
    used: BTreeSet<String>,
    report: &'a mut Report,
}

impl<'a> Inf<'a> {
    fn check(&mut self, rule: &'static str, holds: bool, violation: impl FnOnce() -> String) {
        self.report.check(rule, holds, violation);
    }

    fn exists(&self, section: &str) -> bool {
        self.parsed.sections.iter().any(|known| known.name.eq_ignore_ascii_case(section))
    }

    /// The entries of a section, which is thereby in use.
    fn entries(&mut self, section: &str) -> Vec<&'a Entry> {
        let section = section.to_ascii_lowercase();
        let sections = self.parsed.sections.iter().filter(|known| known.name == section);
        let entries = sections.flat_map(|section| &section.entries).collect();
        self.used.insert(section);
        entries
    }

    /// The entries of a section that another one refers to.
    fn referred(&mut self, section: &str, from: &str) -> Vec<&'a Entry> {
        let exists = self.exists(section);
        self.check("inf-referenced", exists, || format!("[{from}] refers to [{section}], which is missing"));
        self.entries(section)
    }

    /// The values of an entry, none where it is missing.
    fn values(&mut self, section: &str, name: &str) -> &'a [String] {
        let entry = self.entries(section).into_iter().find(|entry| entry.name == name);
        entry.map_or(&[], |entry| &entry.values)
    }

    /// The only value of an entry, empty where it is missing or a list.
    fn value(&mut self, section: &str, name: &str) -> &'a str {
        match self.values(section, name) {
            [value] => value,
            _ => "",
        }
    }

    /// Checks an entry that has one right value.
    fn check_value(&mut self, rule: &'static str, section: &str, name: &str, wanted: &str) {
        let found = self.value(section, name);
        self.check(rule, found.eq_ignore_ascii_case(wanted), || {
            format!("[{section}] {name} is {found:?}, not {wanted}")
        });
    }

    fn check_all_used(&mut self) {
        for section in &self.parsed.sections {
            let used = self.used.contains(&section.name);
            self.check("inf-unreferenced", used, || format!("nothing refers to [{}]", section.name));
        }
    }
}
