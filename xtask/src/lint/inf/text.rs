//! The INF as a text: its bytes, its lines, and the strings that it refers to.

use std::collections::BTreeSet;

use super::parse::{Parsed, without_comment};
use super::{Inf, Report};
use crate::lint::VERSION;

/// The setup class, which primitive drivers have too. "System" is for everything without a class of its own.
const CLASS: (&str, &str) = ("System", "{4d36e97d-e325-11ce-bfc1-08002be10318}");

pub(super) fn check_bytes(bytes: &[u8], report: &mut Report) {
    // Without a byte order mark an INF is read in the machine's code page; they agree on ASCII alone.
    report.check("inf-encoding", bytes.is_ascii(), || "not everything is ASCII".to_owned());
    let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let bad = lines.iter().position(|line| {
        let text = line.strip_suffix(b"\r\n");
        text.is_none_or(|text| text.iter().any(u8::is_ascii_control))
    });
    report.check("inf-lines", bad.is_none(), || {
        format!("line {} does not end with CR LF, or has a control character", bad.unwrap_or_default() + 1)
    });
}

pub(super) fn check(text: &str, parsed: &Parsed, report: &mut Report) {
    report.check("inf-syntax", parsed.faults.is_empty(), || parsed.faults.join("; "));
    let mut seen = BTreeSet::new();
    for section in &parsed.sections {
        let first = seen.insert(section.name.as_str());
        report.check("inf-repeated", first, || format!("[{}] is there twice", section.name));
        let mut before = BTreeSet::new();
        let named = section.entries.iter().filter(|entry| !entry.name.is_empty());
        let twice = named.map(|entry| entry.name.as_str()).find(|name| !before.insert(*name));
        report.check("inf-repeated", twice.is_none(), || {
            format!("[{}] has {} twice", section.name, twice.unwrap_or_default())
        });
    }

    let code: Vec<_> = text.lines().filter_map(without_comment).collect();
    let variables: Vec<_> = code.iter().flat_map(|line| line.split('$').skip(1).step_by(2)).collect();
    let variable = variables.iter().find(|name| !name.contains(' '));
    report.check("inf-variables", variable.is_none(), || format!("{variable:?} is a variable of stampinf"));
    check_strings(&code, parsed, report);
}

/// Every `%name%` has a string and every string a use; `%13%` is a folder, and `%%` stands for one `%`.
fn check_strings(code: &[&str], parsed: &Parsed, report: &mut Report) {
    let strings = parsed.sections.iter().filter(|section| section.name == "strings");
    let defined: BTreeSet<_> =
        strings.flat_map(|section| &section.entries).map(|entry| entry.name.clone()).collect();
    let used: BTreeSet<_> = code
        .iter()
        .flat_map(|line| line.split('%').skip(1).step_by(2))
        .filter(|name| !name.is_empty() && name.parse::<u32>().is_err())
        .map(str::to_ascii_lowercase)
        .collect();
    for name in &used {
        report.check("inf-strings", defined.contains(name), || format!("%{name}% is not in [strings]"));
    }
    for name in &defined {
        report.check("inf-strings-used", used.contains(name), || format!("[strings] {name} is used nowhere"));
    }
}

impl Inf<'_> {
    pub(super) fn check_version(&mut self) {
        self.entries("strings");
        self.check_value("inf-signature", "version", "signature", "$Windows NT$");
        self.check_value("inf-class", "version", "class", CLASS.0);
        self.check_value("inf-class", "version", "classguid", CLASS.1);
        let provider = self.value("version", "provider");
        let token = provider.strip_prefix('%').and_then(|provider| provider.strip_suffix('%'));
        let name = token.map_or(provider, |token| self.value("strings", &token.to_ascii_lowercase()));
        self.check(
            "inf-provider",
            token.is_some() && !name.is_empty() && !name.eq_ignore_ascii_case("microsoft"),
            || format!("[version] provider is {provider}, which means {name:?}"),
        );
        self.check_value("inf-catalog", "version", "catalogfile", "psimp.cat");
        let stamp = self.values("version", "driverver");
        let holds = matches!(stamp, [date, version] if is_date(date) && version == VERSION);
        self.check("inf-version", holds, || {
            format!("[version] driverver is {stamp:?}, not mm/dd/yyyy,{VERSION}")
        });
        self.check_value("inf-lockdown", "version", "pnplockdown", "1");
    }
}

/// True for mm/dd/yyyy.
fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').map(|part| (part.len(), part.parse::<u32>().unwrap_or(0))).collect();
    matches!(parts[..], [(2, 1..=12), (2, 1..=31), (4, 2000..)])
}
