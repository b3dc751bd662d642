//! The INF against itself and against the rules for primitive driver packages: those that install by
//! `DefaultInstall`, from the driver store, without a device.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, anyhow};
use configparser::ini::{Ini, IniDefault};

use super::Report;
use crate::workspace::Workspace;

/// Where the INF is, below the workspace's root.
pub(super) const PATH: &str = "inf/psimp.inx";

const IMAGE: &str = "psimp.sys";
const SERVICE: &str = "PsImpersonate";
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// Entries that have one right value, by section and name.
const FIXED: [(&str, &str, &str); 9] = [
    ("version", "signature", "\"$Windows NT$\""),
    ("version", "class", "System"),
    // The class of that name.
    ("version", "classguid", "{4d36e97d-e325-11ce-bfc1-08002be10318}"),
    ("version", "catalogfile", "psimp.cat"),
    // The files cannot be replaced behind the driver store's back.
    ("version", "pnplockdown", "1"),
    // The driver store, where a package has to stay since Windows 10 1903.
    ("destinationdirs", "defaultdestdir", "13"),
    // A kernel driver, started on demand, whose failure is noted and no more.
    ("service_inst", "servicetype", "1"),
    ("service_inst", "starttype", "3"),
    ("service_inst", "errorcontrol", "1"),
];

/// Sections and names in lower case, because an INF does not tell the cases apart.
type Sections = BTreeMap<String, BTreeMap<String, String>>;

pub(super) fn check(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let bytes = fs::read(workspace.root.join(PATH)).with_context(|| format!("cannot read {PATH}"))?;
    // Without a byte order mark an INF is read in the machine's code page; they agree on ASCII alone.
    report.check(bytes.is_ascii(), || format!("{PATH}: not everything in it is ASCII"));
    check_text(&String::from_utf8_lossy(&bytes), report)
}

fn check_text(text: &str, report: &mut Report) -> Result<()> {
    let sections = parse(text)?;
    let mut inf = Inf { sections: &sections, used: BTreeSet::new(), report };
    for (section, name, value) in FIXED {
        let found = inf.get(section, name);
        inf.check(found.eq_ignore_ascii_case(value), || {
            format!("[{section}] {name} is {found}, not {value}")
        });
    }
    inf.check_version();
    for forbidden in ["manufacturer", "defaultinstall", "defaultuninstall"] {
        let absent = !sections.contains_key(forbidden);
        inf.check(absent, || format!("[{forbidden}] has no place in a primitive driver package"));
    }
    for architecture in ARCHITECTURES {
        inf.check_architecture(architecture);
    }
    inf.check_strings(text);
    inf.check_all_used();
    Ok(())
}

fn parse(text: &str) -> Result<Sections> {
    let mut defaults = IniDefault::default();
    defaults.delimiters = vec!['='];
    defaults.comment_symbols = vec![';'];
    let parsed =
        Ini::new_from_defaults(defaults).read(text.to_owned()).map_err(|error| anyhow!("{PATH}: {error}"))?;
    let entries = |entries: std::collections::HashMap<String, Option<String>>| {
        entries.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect()
    };
    Ok(parsed.into_iter().map(|(section, values)| (section, entries(values))).collect())
}

/// The parsed INF, and which of its sections something refers to.
struct Inf<'a> {
    sections: &'a Sections,
    used: BTreeSet<String>,
    report: &'a mut Report,
}

impl<'a> Inf<'a> {
    fn check(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        self.report.check(holds, || format!("{PATH}: {}", violation()));
    }

    /// The value of an entry, empty where there is none.
    fn get(&mut self, section: &str, name: &str) -> &'a str {
        self.used.insert(section.to_owned());
        self.sections.get(section).and_then(|entries| entries.get(name)).map_or("", String::as_str)
    }

    /// The names in a section that another one refers to.
    fn names(&mut self, section: &str, from: &str) -> Vec<&'a str> {
        let section = section.to_ascii_lowercase();
        let entries = self.sections.get(&section);
        self.check(entries.is_some(), || format!("[{from}] refers to [{section}], which is missing"));
        self.used.insert(section);
        entries.into_iter().flat_map(BTreeMap::keys).map(String::as_str).collect()
    }

    fn check_version(&mut self) {
        let provider = self.get("version", "provider");
        self.check(provider.starts_with('%'), || "[version] names no provider".to_owned());
        let stamp = self.get("version", "driverver");
        let ours = concat!(env!("CARGO_PKG_VERSION"), ".0");
        let holds = stamp.split_once(',').is_some_and(|(date, version)| is_date(date) && version == ours);
        self.check(holds, || format!("[version] driverver is {stamp}, not mm/dd/yyyy,{ours}"));
    }

    fn check_architecture(&mut self, architecture: &str) {
        let install = format!("defaultinstall.nt{architecture}");
        let files = self.get(&install, "copyfiles");
        let copied = self.names(files, &install);
        self.check(copied == [IMAGE], || format!("[{install}] copies {copied:?}, not {IMAGE}"));
        for file in copied {
            let disk = self.get("sourcedisksfiles", file);
            let known = self.names("sourcedisksnames", "sourcedisksfiles").contains(&disk);
            self.check(known, || {
                format!("[sourcedisksfiles] puts {file} on disk {disk:?}, which is missing")
            });
        }

        let services = format!("{install}.services");
        let added: Vec<_> = self.get(&services, "addservice").split(',').map(str::trim).collect();
        // Empty flags: the service belongs to no device. SPSVCINST_ASSOCSERVICE is for those that do.
        let holds = matches!(added[..], [SERVICE, "", _]);
        self.check(holds, || format!("[{services}] addservice is {added:?}, not {SERVICE},,<section>"));
        let service = added.get(2).copied().unwrap_or_default().to_ascii_lowercase();
        self.names(&service, &services);
        let (binary, expected) = (self.get(&service, "servicebinary"), format!("%13%\\{IMAGE}"));
        self.check(binary == expected, || format!("[{service}] servicebinary is {binary}, not {expected}"));

        // Ignored where primitive drivers are known, needed where they are not.
        let uninstall = format!("defaultuninstall.nt{architecture}");
        let legacy = self.get(&uninstall, "legacyuninstall");
        self.check(legacy == "1", || format!("[{uninstall}] has no LegacyUninstall = 1"));
        let services = format!("{uninstall}.services");
        let deleted = self.get(&services, "delservice").split(',').next().unwrap_or_default().trim();
        self.check(deleted == SERVICE, || format!("[{services}] deletes {deleted:?}, not {SERVICE}"));
    }

    /// Every `%name%` has a string and every string a use; `%13%` is a folder.
    fn check_strings(&mut self, text: &str) {
        let defined: BTreeSet<_> = self.names("strings", "version").into_iter().map(str::to_owned).collect();
        let code: Vec<_> = text.lines().map(|line| line.split(';').next().unwrap_or_default()).collect();
        let used: BTreeSet<_> = code.iter().flat_map(|line| line.split('%').skip(1).step_by(2)).collect();
        let used: BTreeSet<_> = used
            .into_iter()
            .filter(|name| name.parse::<u32>().is_err())
            .map(str::to_ascii_lowercase)
            .collect();
        for name in used.difference(&defined) {
            self.check(false, || format!("%{name}% is not in [strings]"));
        }
        for name in defined.difference(&used) {
            self.check(false, || format!("[strings] {name} is used nowhere"));
        }
        self.report.checks += used.intersection(&defined).count();
    }

    fn check_all_used(&mut self) {
        for section in self.sections.keys() {
            let used = self.used.contains(section);
            self.check(used, || format!("nothing refers to [{section}]"));
        }
    }
}

/// True for mm/dd/yyyy.
fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').map(|part| (part.len(), part.parse::<u32>().unwrap_or(0))).collect();
    matches!(parts[..], [(2, 1..=12), (2, 1..=31), (4, 2000..)])
}

#[cfg(test)]
mod tests {
    use super::{Report, check_text};

    const COMMITTED: &str = include_str!("../../../inf/psimp.inx");

    fn violations(text: &str) -> Vec<String> {
        let mut report = Report::default();
        check_text(text, &mut report).expect("an INF can be parsed");
        report.violations
    }

    #[test]
    fn the_committed_inf_keeps_the_rules() {
        assert_eq!(violations(COMMITTED), Vec::<String>::new());
    }

    #[test]
    fn each_broken_rule_is_named() {
        for (from, to, expected) in [
            ("DefaultDestDir = 13", "DefaultDestDir = 12", "[destinationdirs] defaultdestdir is 12, not 13"),
            ("[Driver_Files]", "[Files]", "refers to [driver_files], which is missing"),
            ("PnpLockdown = 1", "", "[version] pnplockdown is , not 1"),
            ("AddService = PsImpersonate,,", "AddService = PsImpersonate,2,", "not PsImpersonate,,<section>"),
            ("%13%\\psimp.sys", "%12%\\psimp.sys", "servicebinary is %12%\\psimp.sys, not %13%\\psimp.sys"),
            ("[DefaultInstall.NTarm64]", "[DefaultInstall]", "has no place in a primitive driver package"),
            ("LegacyUninstall = 1", "LegacyUninstall = 0", "has no LegacyUninstall = 1"),
            ("Provider    = \"", "Maker = \"", "%provider% is not in [strings]"),
            ("[SourceDisksNames]", "[Other]\r\nx = 1\r\n[SourceDisksNames]", "nothing refers to [other]"),
        ] {
            assert!(COMMITTED.contains(from), "{from} is gone");
            let found = violations(&COMMITTED.replace(from, to));
            assert!(found.iter().any(|violation| violation.contains(expected)), "{expected}: {found:?}");
        }
    }
}
