//! The facts that can be said of a token: the one table for help, reading, writing and suggestions.

use crate::names::{
    INTEGRITIES, LEVELS, LUIDS, PRIVILEGES, Privilege, TYPES, USERS, enumerated, find, name_of, nearest,
    plain,
};
use crate::others;
use crate::read::{self, PackageName, Session, Wrong};
use psimp_nt::{Level, Sid, TokenType};

/// Which fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `user`
    User,
    /// `logon`
    Logon,
    /// `type`
    Type,
    /// `level`
    Level,
    /// `recorded`
    Recorded,
    /// `restricted`
    Restricted,
    /// `write-restricted`
    WriteRestricted,
    /// `privilege`
    Privilege,
    /// `origin`
    Origin,
    /// `integrity`
    Integrity,
    /// `elevated`
    Elevated,
    /// `filtered`
    Filtered,
    /// `package`
    Package,
    /// `parent`
    Parent,
    /// `session`
    Session,
}

/// A fact that can be said of a token.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// Which one.
    pub key: Key,
    /// Its name, as psimp writes it.
    pub name: &'static str,
    /// Other names that are taken, such as those that Windows, its tools and its headers have.
    pub also: &'static [&'static str],
    /// The values that it takes, for a person.
    pub values: &'static str,
    /// The values that a form can offer. Where it is empty or not complete, any of `values` can be written.
    pub choices: &'static [&'static str],
    /// It is said by its name alone; a form has a box to tick.
    pub flag: bool,
    /// Its meaning.
    pub about: &'static str,
}

const fn fact(key: Key, name: &'static str, also: &'static [&'static str], about: &'static str) -> Fact {
    Fact { key, name, also, values: read::FLAG_VALUES, choices: &["yes", "no"], flag: true, about }
}

impl Fact {
    const fn of(self, values: &'static str, choices: &'static [&'static str]) -> Self {
        Self { values, choices, flag: false, ..self }
    }
}

const USER_CHOICES: &[&str] = &["A", "B", "SYSTEM", "LOCAL-SERVICE", "NETWORK-SERVICE", "anonymous"];
const LUID_CHOICES: &[&str] = &["system", "local-service", "network-service", "anonymous"];
const INTEGRITY_CHOICES: &[&str] =
    &["untrusted", "low", "medium", "medium-plus", "high", "system", "protected"];
const LEVEL_CHOICES: &[&str] = &["anonymous", "identification", "impersonation", "delegation"];

static FACTS: &[Fact] = &[
    fact(Key::User, "user", &["TokenUser", "user name", "usersid", "sid", "account"], "the token's user")
        .of(read::USER_VALUES, USER_CHOICES),
    fact(
        Key::Logon,
        "logon",
        &["logon session", "logon id", "authentication id", "auth id", "luid"],
        "the logon session (authentication id)",
    )
    .of(read::LOGON_VALUES, LUID_CHOICES),
    fact(Key::Type, "type", &["TokenType"], "primary or impersonation")
        .of(read::TYPE_VALUES, &["primary", "impersonation"]),
    fact(
        Key::Level,
        "level",
        &["impersonation level", "TokenImpersonationLevel"],
        "the level recorded in the token",
    )
    .of(read::LEVEL_VALUES, LEVEL_CHOICES),
    fact(
        Key::Recorded,
        "recorded",
        &["recorded level"],
        "the level that a primary token records, which NT 5.2 alone reads",
    )
    .of(read::LEVEL_VALUES, LEVEL_CHOICES),
    fact(
        Key::Restricted,
        "restricted",
        &[
            "restricted sids",
            "restricting sids",
            "TokenIsRestricted",
            "is restricted token",
            "RestrictedSidCount",
            "TokenRestrictedSids",
        ],
        "restricting SIDs, which count for all access",
    ),
    fact(
        Key::WriteRestricted,
        "write-restricted",
        &[],
        "restricting SIDs, which count for write access alone",
    ),
    fact(
        Key::Privilege,
        "privilege",
        &["privileges", "priv", "privs"],
        "SeImpersonatePrivilege: enabled, there but disabled, or not there",
    )
    .of(read::PRIVILEGE_VALUES, &["SeImpersonate", "disabled", "none"]),
    fact(
        Key::Origin,
        "origin",
        &["TokenOrigin", "originating logon session"],
        "the logon session that logged the user on; server is that of the process",
    )
    .of(read::ORIGIN_VALUES, &["server", "system", "local-service", "network-service", "anonymous"]),
    fact(
        Key::Integrity,
        "integrity",
        &["il", "integrity level", "TokenIntegrityLevel", "mandatory label", "label"],
        "the integrity level",
    )
    .of(read::INTEGRITY_VALUES, INTEGRITY_CHOICES),
    fact(
        Key::Elevated,
        "elevated",
        &[
            "elevation",
            "TokenElevation",
            "TokenElevationTypeFull",
            "full",
            "administrator",
            "as administrator",
        ],
        "elevated by UAC",
    ),
    fact(
        Key::Filtered,
        "filtered",
        &["limited", "TokenElevationTypeLimited", "not elevated", "uac filtered"],
        "of the filtered one of the two logon sessions that UAC makes",
    ),
    fact(
        Key::Package,
        "package",
        &["AppContainer", "lowbox", "package sid", "TokenAppContainerSid", "TokenIsAppContainer"],
        "the AppContainer package",
    )
    .of(read::PACKAGE_VALUES, &[]),
    fact(Key::Parent, "parent", &["parent package"], "the package that this one is a child of")
        .of(read::PARENT_VALUES, &[]),
    fact(
        Key::Session,
        "session",
        &["session id", "terminal session", "TokenSessionId", "ts session id"],
        "the terminal services session",
    )
    .of(read::SESSION_VALUES, &["0", "1", "2"]),
];

/// Every fact, in the order in which they are written.
pub fn facts() -> &'static [Fact] {
    FACTS
}

impl Key {
    /// The fact.
    pub fn fact(self) -> &'static Fact {
        // One row for each key, in their order.
        &FACTS[self as usize]
    }
}

/// What is said of a token; nothing of what is not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub(crate) user: Option<Sid>,
    pub(crate) logon: Option<Session>,
    pub(crate) token_type: Option<TokenType>,
    pub(crate) level: Option<Level>,
    pub(crate) recorded: Option<Level>,
    pub(crate) restricted: Option<bool>,
    pub(crate) write_restricted: Option<bool>,
    pub(crate) privilege: Option<Privilege>,
    pub(crate) origin: Option<Session>,
    pub(crate) integrity: Option<u32>,
    pub(crate) elevated: Option<bool>,
    pub(crate) filtered: Option<bool>,
    pub(crate) package: Option<PackageName>,
    pub(crate) parent: Option<PackageName>,
    pub(crate) session: Option<u32>,
}

impl Said {
    /// Notes a fact. Without a value it is said by its name alone.
    pub(crate) fn say(&mut self, key: Key, value: Option<&str>) -> Result<(), Wrong> {
        self.say_as(key, key.fact().name, value)
    }

    /// Notes a fact that is said by one of its names.
    pub(crate) fn say_as(&mut self, key: Key, said: &str, value: Option<&str>) -> Result<(), Wrong> {
        let fact = key.fact();
        let is_flag = plain(said).ends_with("isappcontainer")
            || ["appcontainer", "lowbox"].contains(&plain(said).as_str());
        let name = fact.name;
        if fact.flag {
            let so = Some(read::flag(name, value)?);
            match key {
                Key::Restricted => self.restricted = so,
                Key::WriteRestricted => self.write_restricted = so,
                Key::Elevated => self.elevated = so,
                _ => self.filtered = so,
            }
            return Ok(());
        }
        // In an AppContainer at all: of which package does not count as long as there is one.
        let value = if key == Key::Package { value.or(Some("1")) } else { value };
        let Some(text) = value.filter(|value| !value.is_empty()) else {
            return Err((format!("{name} needs a value: {}", fact.values), None));
        };
        match key {
            Key::User => self.user = Some(read::user(name, text)?),
            Key::Logon => self.logon = Some(read::session(name, text, Session::Own, fact.values)?),
            Key::Type => self.token_type = Some(read::one_of(name, text, TYPES, fact.values)?),
            Key::Level => self.level = Some(level(name, text)?),
            Key::Recorded => self.recorded = Some(level(name, text)?),
            Key::Privilege => self.privilege = Some(read::privilege(name, text)?),
            Key::Origin => self.origin = Some(read::session(name, text, Session::Server, fact.values)?),
            Key::Integrity => self.integrity = Some(read::integrity(name, text)?),
            Key::Package => self.package = Some(read::package(name, text, is_flag)?),
            Key::Parent => self.parent = Some(read::package_sid(name, text, fact.values)?),
            Key::Session => self.session = Some(read::terminal_session(name, text)?),
            Key::Restricted | Key::WriteRestricted | Key::Elevated | Key::Filtered => {}
        }
        Ok(())
    }

    /// The package, if the token is said to be in one.
    pub(crate) fn in_package(&self) -> Option<PackageName> {
        self.package.filter(|package| *package != PackageName::None)
    }

    /// A fact as it is written, if it is said.
    pub fn written(&self, key: Key) -> Option<String> {
        let name = key.fact().name;
        let flag = |so: Option<bool>| so.map(|so| if so { name.to_owned() } else { format!("{name}=no") });
        let session = |session: Option<Session>| match session? {
            Session::Own => Some("own".to_owned()),
            Session::Server => Some("server".to_owned()),
            Session::Is(luid) => {
                Some(name_of(LUIDS, &luid).map_or_else(|| format!("{:#x}", luid.0), str::to_owned))
            }
        };
        let value = match key {
            Key::Restricted => return flag(self.restricted),
            Key::WriteRestricted => return flag(self.write_restricted),
            Key::Elevated => return flag(self.elevated),
            Key::Filtered => return flag(self.filtered),
            Key::User => {
                let user = self.user?;
                name_of(USERS, &user).map_or_else(|| user.to_string(), str::to_owned)
            }
            Key::Logon => session(self.logon)?,
            Key::Origin => session(self.origin)?,
            Key::Type => name_of(TYPES, &self.token_type?)?.to_owned(),
            Key::Level => name_of(LEVELS, &self.level?)?.to_owned(),
            Key::Recorded => name_of(LEVELS, &self.recorded?)?.to_owned(),
            Key::Privilege => name_of(PRIVILEGES, &self.privilege?)?.to_owned(),
            Key::Integrity => {
                let rid = self.integrity?;
                name_of(INTEGRITIES, &rid).map_or_else(|| format!("{rid:#x}"), str::to_owned)
            }
            Key::Package => self.package?.to_string(),
            Key::Parent => self.parent?.to_string(),
            Key::Session => self.session?.to_string(),
        };
        Some(format!("{name}={value}"))
    }

    /// This, and of a token that was read what is neither said here nor excluded by it.
    #[must_use]
    pub fn over_read(self, read: &Self) -> Self {
        let mut read = read.clone();
        if self.token_type == Some(TokenType::Impersonation) {
            read.recorded = None;
        }
        if self.token_type == Some(TokenType::Primary) {
            read.level = None;
        }
        for (one, other) in [
            (self.restricted, &mut read.write_restricted),
            (self.write_restricted, &mut read.restricted),
            (self.elevated, &mut read.filtered),
            (self.filtered, &mut read.elevated),
        ] {
            if one == Some(true) {
                *other = None;
            }
        }
        self.over(&read)
    }

    /// This, and of `other` what is not said here.
    #[must_use]
    pub fn over(self, other: &Self) -> Self {
        Self {
            user: self.user.or(other.user),
            logon: self.logon.or(other.logon),
            token_type: self.token_type.or(other.token_type),
            level: self.level.or(other.level),
            recorded: self.recorded.or(other.recorded),
            restricted: self.restricted.or(other.restricted),
            write_restricted: self.write_restricted.or(other.write_restricted),
            privilege: self.privilege.or(other.privilege),
            origin: self.origin.or(other.origin),
            integrity: self.integrity.or(other.integrity),
            elevated: self.elevated.or(other.elevated),
            filtered: self.filtered.or(other.filtered),
            package: self.package.or(other.package),
            parent: self.parent.or(other.parent),
            session: self.session.or(other.session),
        }
    }
}

/// The facts as they are said on the command line; nothing, if nothing is said.
impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let facts: Vec<_> = FACTS.iter().filter_map(|fact| self.written(fact.key)).collect();
        f.write_str(&facts.join(","))
    }
}

/// A level by its name or number.
pub(crate) fn level(name: &str, text: &str) -> Result<Level, Wrong> {
    if let Some(level) = find(LEVELS, text) {
        return Ok(level);
    }
    if text.trim().is_empty() {
        return Err((format!("{name}: a level is {}", read::LEVEL_VALUES), None));
    }
    let numbered = crate::sid::number(text).and_then(|number| u32::try_from(number).ok());
    if let Some(level) = numbered.and_then(Level::from_raw) {
        return Ok(level);
    }
    if let Some((why, write)) = others::no_level(text) {
        return Err((format!("{name}: {why}; it is {}", read::LEVEL_VALUES), Some(write.to_owned())));
    }
    // The flags of CreateFile by name; without SECURITY_SQOS_PRESENT Windows reads no level from them.
    let flags: Vec<_> = text.split('|').filter_map(|flag| find(LEVELS, flag)).collect();
    let present = text.split('|').any(|flag| plain(flag) == "securitysqospresent");
    if let (true, [level]) = (present, flags.as_slice()) {
        return Ok(*level);
    }
    // Their number, with SECURITY_SQOS_PRESENT, SECURITY_CONTEXT_TRACKING and SECURITY_EFFECTIVE_ONLY or without.
    let flag = numbered
        .filter(|number| *number > 0xFFFF && number & !0x001F_0000 == 0)
        .and_then(|number| Level::from_raw(number >> 16 & 3));
    let like = flag.and_then(|level| name_of(LEVELS, &level));
    let like = like.or_else(|| nearest(text, crate::names::all(LEVELS)));
    let (why, like) = read::unknown(name, text, read::LEVEL_VALUES, like);
    // People say "level" of both.
    let integrity = || find(INTEGRITIES, text).and_then(|rid| name_of(INTEGRITIES, &rid));
    Err((why, like.or_else(|| integrity().map(|integrity| format!("integrity={integrity}")))))
}

/// The fact of this name.
pub(crate) fn named(name: &str) -> Option<&'static Fact> {
    let name = plain(name);
    FACTS.iter().find(|fact| plain(fact.name) == name || fact.also.iter().any(|also| plain(also) == name))
}

/// What a word that names no fact says, if it is the value of one fact alone: `SeImpersonatePrivilege`.
pub(crate) fn by_value(text: &str) -> Vec<(&'static Fact, Said)> {
    let takes = |fact: &'static Fact| {
        let mut said = Said::default();
        said.say(fact.key, Some(text)).ok().map(|()| (fact, said))
    };
    // A level alone is the token's own. A word such as "enabled" says of what by the privilege's name alone.
    let of = enumerated(text);
    let named = |fact: &&Fact| match of {
        Some(name) => fact.name == name,
        None if fact.key == Key::Privilege => plain(text).contains("impersonate"),
        None => fact.key != Key::Package || text.contains('-'),
    };
    FACTS
        .iter()
        .filter(|fact| !fact.flag && fact.key != Key::Recorded)
        .filter(named)
        .filter_map(takes)
        .collect()
}
