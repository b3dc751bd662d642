//! The names that Windows, its tools and its headers print, and what they stand for.

use crate::sid::below;
use psimp_nt::{Level, Luid, Sid, TokenType, integrity};

/// A value with the name that psimp prints, and the other names that it takes.
pub(crate) struct Named<T> {
    pub(crate) name: &'static str,
    pub(crate) also: &'static [&'static str],
    pub(crate) value: T,
}

pub(crate) const fn named<T>(name: &'static str, also: &'static [&'static str], value: T) -> Named<T> {
    Named { name, also, value }
}

/// A name without what its spellings differ in: case, white space, hyphens, underscores, quotes, and what a shell or a
/// string literal escapes. The sign of a number stays.
pub(crate) fn plain(text: &str) -> String {
    let text = text.trim().replace("\\\"", "").replace(r"\\", r"\");
    let text = text.trim_start_matches(|c| is_spelling(c) && !is_dash(c));
    let sign = if text.starts_with(is_dash) { "-" } else { "" };
    let rest = text.chars().filter(|c| !is_spelling(*c)).flat_map(char::to_lowercase);
    sign.chars().chain(rest).collect()
}

/// Hyphen, dashes and the minus sign.
fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Spaces, dashes and quotes, as typed and as word processors and web pages have them, and what has no width.
fn is_spelling(c: char) -> bool {
    c.is_whitespace()
        || is_dash(c)
        || matches!(c, '_' | '"' | '\'' | '‘'..='‟')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{FEFF}')
}

/// Enumerations whose names stand before a value's, as in `TokenImpersonationLevel.Impersonation`, and the fact that
/// has their values.
const ENUMERATIONS: &[(&str, &str)] = &[
    ("TokenImpersonationLevel", "level"),
    ("SECURITY_IMPERSONATION_LEVEL", "level"),
    ("ImpersonationLevel", "level"),
    ("TOKEN_TYPE", "type"),
    ("TOKEN_ELEVATION_TYPE", "elevated"),
    ("WELL_KNOWN_SID_TYPE", "user"),
    ("WellKnownSidType", "user"),
];

fn parts(text: &str) -> Option<(&'static str, &str)> {
    let (before, value) = text.rsplit_once("::").or_else(|| text.rsplit_once('.'))?;
    let of = plain(before.rsplit([':', '.']).next()?);
    let of = of.trim_start_matches('[').trim_end_matches(']');
    let (_, fact) = ENUMERATIONS.iter().find(|(name, _)| plain(name) == of)?;
    Some((*fact, value))
}

/// The fact that has the values of the enumeration before this value.
pub(crate) fn enumerated(text: &str) -> Option<&'static str> {
    parts(text).map(|(fact, _)| fact)
}

/// A value without the enumeration that it is of, and without what stands in brackets behind it.
pub(crate) fn bare(text: &str) -> &str {
    let text = text.split_once('(').map_or(text, |(name, _)| name).trim();
    parts(text).map_or(text, |(_, value)| value)
}

/// The value of this name.
pub(crate) fn find<T: Copy>(table: &[Named<T>], text: &str) -> Option<T> {
    let row = |text: &str| {
        let text = plain(text);
        let is = |name: &&str| plain(name) == text;
        table.iter().find(|row| is(&row.name) || row.also.iter().any(is))
    };
    row(text).or_else(|| row(bare(text))).map(|row| row.value)
}

/// The name of a value.
pub(crate) fn name_of<T: PartialEq>(table: &[Named<T>], value: &T) -> Option<&'static str> {
    table.iter().find(|row| row.value == *value).map(|row| row.name)
}

/// All names of a table, each with the one that psimp prints.
pub(crate) fn all<T>(table: &'static [Named<T>]) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.iter().flat_map(|row| {
        std::iter::once(row.name).chain(row.also.iter().copied()).map(move |name| (name, row.name))
    })
}

/// What is most like `text` among names, if any is like it: what to write instead. Two letters are like too much, and
/// what many names begin with tells nothing.
pub(crate) fn nearest<'a>(text: &str, names: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    let own = |text: &str| {
        let text = plain(text);
        let own = text.rsplit(['\\', '/', '.', ':']).next().unwrap_or_default();
        SHARED.iter().find_map(|shared| own.strip_prefix(shared)).unwrap_or(own).to_owned()
    };
    let text = own(bare(text));
    if text.chars().count() < 3 {
        return None;
    }
    let likeness = |name: &str| {
        let name = own(name);
        let begins = name.starts_with(&text) || text.starts_with(&name) && name.len() > 2;
        let likeness = strsim::jaro_winkler(&text, &name);
        if begins { likeness.max(0.9) } else { likeness }
    };
    let best = names.map(|(name, write)| (likeness(name), write)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness > 0.8).map(|(_, write)| write)
}

/// Beginnings of several names.
const SHARED: &[&str] =
    &["security", "rpccimplevel", "wbemimpersonationlevel", "mandatorylabel", "token", "win", "ml"];

/// The two users that stand for "the same" and "another", as in the cases.
pub(crate) const USER_A: Sid = Sid::new(5, &[21, 1000, 2000, 3000, 1001]);
pub(crate) const USER_B: Sid = Sid::new(5, &[21, 1000, 2000, 3000, 1002]);

/// Luids of the services' logon sessions (`ntifs.h`).
pub(crate) const LOCAL_SERVICE: Luid = Luid(0x3E5);
pub(crate) const NETWORK_SERVICE: Luid = Luid(0x3E4);

pub(crate) static USERS: &[Named<Sid>] = &[
    named("A", &["user A"], USER_A),
    named("B", &["user B"], USER_B),
    named(
        "anonymous",
        &[
            "AN",
            "ANONYMOUS LOGON",
            r"NT AUTHORITY\ANONYMOUS LOGON",
            "SECURITY_ANONYMOUS_LOGON_RID",
            "WinAnonymousSid",
            "AnonymousSid",
        ],
        Sid::ANONYMOUS_LOGON,
    ),
    named(
        "SYSTEM",
        &[
            "SY",
            "LocalSystem",
            r"NT AUTHORITY\SYSTEM",
            "SECURITY_LOCAL_SYSTEM_RID",
            "WinLocalSystemSid",
            "LocalSystemSid",
        ],
        Sid::new(5, &[18]),
    ),
    named(
        "LOCAL-SERVICE",
        &[
            "LS",
            r"NT AUTHORITY\LOCAL SERVICE",
            "SECURITY_LOCAL_SERVICE_RID",
            "WinLocalServiceSid",
            "LocalServiceSid",
        ],
        Sid::new(5, &[19]),
    ),
    named(
        "NETWORK-SERVICE",
        &[
            "NS",
            r"NT AUTHORITY\NETWORK SERVICE",
            "SECURITY_NETWORK_SERVICE_RID",
            "WinNetworkServiceSid",
            "NetworkServiceSid",
        ],
        Sid::new(5, &[20]),
    ),
    named("IUSR", &[r"NT AUTHORITY\IUSR", "SECURITY_IUSER_RID"], Sid::new(5, &[17])),
];

/// An account of the system, and what its tokens are.
pub(crate) struct Account {
    pub(crate) user: Sid,
    pub(crate) logon: Luid,
    pub(crate) integrity: u32,
    /// Terminal services session, if it is always the same.
    pub(crate) session: Option<u32>,
    /// It has `SeImpersonatePrivilege`, whatever its service asks for.
    pub(crate) privilege: bool,
}

pub(crate) static ACCOUNTS: &[Account] = &[
    Account {
        user: Sid::new(5, &[18]),
        logon: Luid::SYSTEM,
        integrity: integrity::SYSTEM,
        session: Some(0),
        privilege: true,
    },
    Account {
        user: Sid::new(5, &[19]),
        logon: LOCAL_SERVICE,
        integrity: integrity::SYSTEM,
        session: Some(0),
        privilege: false,
    },
    Account {
        user: Sid::new(5, &[20]),
        logon: NETWORK_SERVICE,
        integrity: integrity::SYSTEM,
        session: Some(0),
        privilege: false,
    },
    Account {
        user: Sid::ANONYMOUS_LOGON,
        logon: Luid::ANONYMOUS_LOGON,
        integrity: integrity::UNTRUSTED,
        session: None,
        privilege: false,
    },
];

/// The account of one service, `NT SERVICE\…`, or of one application pool, `IIS APPPOOL\…`. As a logon of a service it
/// has high integrity and is of session 0; `whoami /all` in one prints so.
pub(crate) fn is_virtual_account(user: &Sid) -> bool {
    ["S-1-5-80-", "S-1-5-82-"].iter().any(|prefix| below(user, prefix).is_some())
}

pub(crate) static LUIDS: &[Named<Luid>] = &[
    named("system", &["SYSTEM_LUID", "LocalSystem"], Luid::SYSTEM),
    named("anonymous", &["ANONYMOUS_LOGON_LUID", "anonymous logon"], Luid::ANONYMOUS_LOGON),
    named("local-service", &["LOCALSERVICE_LUID"], LOCAL_SERVICE),
    named("network-service", &["NETWORKSERVICE_LUID"], NETWORK_SERVICE),
];

pub(crate) static TYPES: &[Named<TokenType>] = &[
    named("primary", &["TokenPrimary", "primary token", "1"], TokenType::Primary),
    named("impersonation", &["TokenImpersonation", "impersonation token", "2"], TokenType::Impersonation),
];

pub(crate) static LEVELS: &[Named<Level>] = &[
    named(
        "anonymous",
        &[
            "SecurityAnonymous",
            "SECURITY_ANONYMOUS",
            "RPC_C_IMP_LEVEL_ANONYMOUS",
            "wbemImpersonationLevelAnonymous",
            "0",
        ],
        Level::Anonymous,
    ),
    named(
        "identification",
        &[
            "identify",
            "SecurityIdentification",
            "SECURITY_IDENTIFICATION",
            "RPC_C_IMP_LEVEL_IDENTIFY",
            "wbemImpersonationLevelIdentify",
            "1",
        ],
        Level::Identification,
    ),
    named(
        "impersonation",
        &[
            "impersonate",
            "SecurityImpersonation",
            "SECURITY_IMPERSONATION",
            "RPC_C_IMP_LEVEL_IMPERSONATE",
            "wbemImpersonationLevelImpersonate",
            "2",
        ],
        Level::Impersonation,
    ),
    named(
        "delegation",
        &[
            "delegate",
            "SecurityDelegation",
            "SECURITY_DELEGATION",
            "RPC_C_IMP_LEVEL_DELEGATE",
            "wbemImpersonationLevelDelegate",
            "3",
        ],
        Level::Delegation,
    ),
];

pub(crate) static INTEGRITIES: &[Named<u32>] = &[
    named("untrusted", &["SECURITY_MANDATORY_UNTRUSTED_RID", "WinUntrustedLabelSid"], integrity::UNTRUSTED),
    named(
        "low",
        &["LW", "SECURITY_MANDATORY_LOW_RID", "WinLowLabelSid", "ML_LOW", "AppContainer"],
        integrity::LOW,
    ),
    named(
        "medium",
        &["ME", "SECURITY_MANDATORY_MEDIUM_RID", "WinMediumLabelSid", "ML_MEDIUM"],
        integrity::MEDIUM,
    ),
    named(
        "medium-plus",
        &["MP", "SECURITY_MANDATORY_MEDIUM_PLUS_RID", "WinMediumPlusLabelSid", "ML_MEDIUM_PLUS", "medium+"],
        0x2100,
    ),
    named("high", &["HI", "SECURITY_MANDATORY_HIGH_RID", "WinHighLabelSid", "ML_HIGH"], integrity::HIGH),
    named(
        "system",
        &["SI", "SECURITY_MANDATORY_SYSTEM_RID", "WinSystemLabelSid", "ML_SYSTEM"],
        integrity::SYSTEM,
    ),
    named("protected", &["protected process", "SECURITY_MANDATORY_PROTECTED_PROCESS_RID"], 0x5000),
];

/// `SeImpersonatePrivilege` in a token: what the fact `privilege` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Privilege {
    Enabled,
    Disabled,
    Absent,
}

pub(crate) static PRIVILEGES: &[Named<Privilege>] = &[
    named(
        "SeImpersonate",
        &[
            "SeImpersonatePrivilege",
            "SE_IMPERSONATE_NAME",
            "SE_IMPERSONATE_PRIVILEGE",
            "impersonate",
            "Impersonate a client after authentication",
            "enabled",
            "29",
            "0x1d",
        ],
        Privilege::Enabled,
    ),
    named("disabled", &["SeImpersonatePrivilege Disabled"], Privilege::Disabled),
    named("none", &["absent", "no", "removed"], Privilege::Absent),
];
