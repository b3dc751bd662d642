//! The catalogue's notation in words.

use psimp_catalogue::{ClientToken, Fixture, Logon, Privilege, ServerToken};
use psimp_nt::{Level, TokenType, integrity};
use psimp_rules::Restriction;
use std::fmt::Write as _;

/// A level of a case, which may be none.
pub(crate) fn level(raw: u32) -> String {
    match Level::from_raw(raw) {
        Some(level) => level.name().to_owned(),
        None => format!("{raw:#x}, which is no level"),
    }
}

/// A short status; anything else stays as it is.
fn status(word: &str) -> Option<&'static str> {
    match word {
        "A5" => Some("STATUS_BAD_IMPERSONATION_LEVEL"),
        "A6" => Some("STATUS_CANT_OPEN_ANONYMOUS"),
        "7C" => Some("STATUS_NO_TOKEN"),
        _ => None,
    }
}

/// A token's type and own level.
fn token_type(word: &str) -> Option<String> {
    if word == "prim" {
        return Some("a primary token".to_owned());
    }
    let level = self::level(word.strip_prefix("imp/")?.parse().ok()?);
    Some(format!("an impersonation token of {level}"))
}

/// What a slot holds.
pub(crate) fn slot(text: &str) -> String {
    if text == "idle" {
        return "no impersonation".to_owned();
    }
    let (mut words, mut flags, mut at) = (Vec::new(), String::new(), String::new());
    for word in text.split(' ') {
        match word {
            "co1" => flags += ", copy-on-open",
            "eo1" => flags += ", effective-only",
            "co0" | "eo0" => {}
            word => match word.strip_prefix('L').and_then(|digits| digits.parse().ok()) {
                Some(raw) => at = format!(" at {}", level(raw)),
                None => match token_type(word) {
                    Some(kind) => words.push(format!("({kind})")),
                    None => words.push(word.to_owned()),
                },
            },
        }
    }
    format!("{}{at}{flags}", words.join(" "))
}

/// What an open of the thread's token gives.
pub(crate) fn open(text: &str) -> String {
    if let Some(status) = status(text) {
        return status.to_owned();
    }
    let words = text.split(' ').map(|word| match word {
        "same" => "the slot's own object,".to_owned(),
        "new" => "another object,".to_owned(),
        "all" => "with all that is in the token".to_owned(),
        "effective" => "without what is disabled in the token".to_owned(),
        word => token_type(word).unwrap_or_else(|| word.to_owned()),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The access that a thread has.
pub(crate) fn access(text: &str) -> String {
    if let Some(status) = status(text) {
        return status.to_owned();
    }
    match text.strip_prefix("as ") {
        Some(user) => match user.strip_suffix('*') {
            Some(user) => format!("that of {} within its restricting SIDs", self::user(user)),
            None => format!("that of {}", self::user(user)),
        },
        None => text.to_owned(),
    }
}

fn user(name: &str) -> String {
    if name == "AN" { "the anonymous logon".to_owned() } else { format!("user {name}") }
}

/// What a run observed: words already, but for levels, what slots hold and what differs from what was expected. Flags
/// come behind the level, as in [`slot`].
pub(crate) fn observed(text: &str) -> String {
    let mut before = "";
    let mut flags = String::new();
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let end = word.trim_end_matches([',', ';', ':']);
        let punctuation = &word[end.len()..];
        let at = end.strip_prefix('L').and_then(|digits| digits.parse().ok());
        let named = match (before, end) {
            (_, "co0" | "eo0") => continue,
            (_, "co1") => {
                flags += ", copy-on-open";
                continue;
            }
            (_, "eo1") => {
                flags += ", effective-only";
                continue;
            }
            (_, "idle") => "no impersonation".to_owned(),
            (_, "same") => "the slot's own object,".to_owned(),
            (_, "new") => "another object,".to_owned(),
            ("prim", "all") => "with all that is in the token".to_owned(),
            (kind, "all") if kind.starts_with("imp/") => "with all that is in the token".to_owned(),
            (kind, "effective") if kind == "prim" || kind.starts_with("imp/") => {
                "without what is disabled in the token".to_owned()
            }
            ("at", digits) if digits.parse::<u32>().is_ok_and(|raw| raw <= 3) => {
                level(digits.parse().unwrap_or_default())
            }
            _ => match (at, status(end), token_type(end)) {
                (Some(raw), ..) => format!("at {}{}", level(raw), std::mem::take(&mut flags)),
                (_, Some(status), _) => status.to_owned(),
                (_, _, Some(kind)) if ["same", "new"].contains(&before) => kind,
                (_, _, Some(kind)) => format!("({kind})"),
                _ => end.to_owned(),
            },
        };
        words.push(named + punctuation);
        before = end;
    }
    words.join(" ") + &flags
}

/// The tokens that a text names, each with what it is.
pub(crate) fn legend(text: &str) -> String {
    let words: Vec<&str> =
        text.split([' ', '\n', '(', ')']).map(|word| word.trim_end_matches([',', '.', ';', ':'])).collect();
    let mut legend = String::new();
    let servers = ServerToken::ALL.iter().map(|token| (token.name(), token.fixture()));
    let clients = ClientToken::ALL.iter().map(|token| (token.name(), token.fixture()));
    for (name, fixture) in servers.chain(clients) {
        if words.contains(&name) {
            let _ = writeln!(legend, "  {name:<5} {}", describe(&fixture));
        }
    }
    if legend.is_empty() { legend } else { format!("Tokens\n{legend}") }
}

/// A token of the cases, by what is not usual in it.
fn describe(fixture: &Fixture) -> String {
    let mut words = vec![
        user(fixture.user.name()),
        match (fixture.token_type, fixture.level) {
            (TokenType::Impersonation, level) => format!("an impersonation token of {}", level.name()),
            (TokenType::Primary, Level::Anonymous) => "a primary token".to_owned(),
            (TokenType::Primary, level) => format!("a primary token that records {}", level.name()),
        },
    ];
    let integrity = match fixture.integrity {
        integrity::LOW => "low integrity",
        integrity::HIGH => "high integrity",
        _ => "",
    };
    let package = fixture.package.map(|package| format!("in AppContainer package {}", package.id));
    for (is, word) in [
        (fixture.logon == Logon::Anonymous, "of the anonymous logon session (0x3e6)"),
        (fixture.logon == Logon::A1Filtered, "of UAC's filtered logon session"),
        (fixture.origin == Logon::A1, "logged on from the server's logon session"),
        (fixture.impersonate == Privilege::Enabled, "SeImpersonatePrivilege enabled"),
        (fixture.impersonate == Privilege::Disabled, "SeImpersonatePrivilege disabled"),
        (fixture.restriction == Restriction::Restricted, "restricted"),
        (fixture.restriction == Restriction::WriteRestricted, "write-restricted"),
        (!integrity.is_empty(), integrity),
        (fixture.elevated, "elevated"),
        (package.is_some(), package.as_deref().unwrap_or_default()),
        (fixture.session == 0, "in terminal session 0"),
        (fixture.other_privilege, "SeBackupPrivilege enabled"),
        (fixture.administrator, "a local administrator"),
        (fixture.private, "its descriptor grants access to its user alone"),
    ] {
        if is {
            words.push(word.to_owned());
        }
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notation_is_put_into_words() {
        assert_eq!(slot("idle"), "no impersonation");
        assert_eq!(
            slot("copy of B2 imp/1 co1 eo0 L1"),
            "copy of B2 (an impersonation token of Identification) at Identification, copy-on-open"
        );
        assert_eq!(
            open("new imp/2 effective"),
            "another object, an impersonation token of Impersonation without what is disabled in the token"
        );
        assert_eq!(open("7C"), "STATUS_NO_TOKEN");
        assert_eq!(access("A5"), "STATUS_BAD_IMPERSONATION_LEVEL");
        assert_eq!(access("as A*"), "that of user A within its restricting SIDs");
        assert_eq!(
            observed("copied at 1: user SID; open: expected A6, observed same imp/1 all"),
            "copied at Identification: user SID; open: expected STATUS_CANT_OPEN_ANONYMOUS, observed the slot's \
             own object, an impersonation token of Identification with all that is in the token"
        );
        assert_eq!(
            observed("copy of B2 imp/1 co0 eo1 L1"),
            "copy of B2 (an impersonation token of Identification) at Identification, effective-only"
        );
        assert_eq!(
            observed("128 schedules: T1 A3 co1 eo1 L3 (57), or T1 idle (71)"),
            "128 schedules: T1 A3 at Delegation, copy-on-open, effective-only (57), or T1 no impersonation (71)"
        );
        assert_eq!(level(4), "0x4, which is no level");
        assert_eq!(
            legend("the server S- takes Bo2, at once"),
            "Tokens\n  S-    user A, a primary token, SeImpersonatePrivilege disabled\n  Bo2   user B, an \
             impersonation token of Impersonation, logged on from the server's logon session\n"
        );
    }
}
