//! Reading the values of facts.

use crate::names::{
    INTEGRITIES, LEVELS, LUIDS, Named, PRIVILEGES, Privilege, USERS, all, bare, find, nearest, plain,
};
use crate::others::{OTHER_PRIVILEGES, group, no_user};
use crate::sid::{below, number, sid};
use psimp_nt::{Luid, Sid};

/// What is wrong with a value: the reason, and what to write.
pub(crate) type Wrong = (String, Option<String>);

pub(crate) const USER_VALUES: &str = "A, B, anonymous, SYSTEM, LOCAL-SERVICE, NETWORK-SERVICE or a SID";
pub(crate) const LOGON_VALUES: &str = "own, system, local-service, network-service, anonymous or a number";
pub(crate) const ORIGIN_VALUES: &str =
    "server, system, local-service, network-service, anonymous or a number";
pub(crate) const TYPE_VALUES: &str = "primary or impersonation";
pub(crate) const LEVEL_VALUES: &str = "anonymous, identification, impersonation, delegation or 0 to 3";
pub(crate) const PRIVILEGE_VALUES: &str = "SeImpersonate, disabled or none";
pub(crate) const INTEGRITY_VALUES: &str =
    "untrusted, low, medium, medium-plus, high, system, protected, S-1-16-N or a number";
pub(crate) const SESSION_VALUES: &str = "a number of 32 bits, or services";
pub(crate) const PARENT_VALUES: &str = "a number of 32 bits or a SID of a package, S-1-15-2-…";
pub(crate) const PACKAGE_VALUES: &str = "a number of 32 bits, a SID of a package, S-1-15-2-…, or none";
pub(crate) const FLAG_VALUES: &str = "yes or no; alone it means yes";

/// No such value; `like` is what is perhaps meant.
pub(crate) fn unknown(fact: &str, text: &str, there_is: &str, like: Option<&str>) -> Wrong {
    (format!("{fact}: there is no {text}; it is {there_is}"), like.map(|like| format!("{fact}={like}")))
}

/// A value by its name.
pub(crate) fn one_of<T: Copy>(
    fact: &str,
    text: &str,
    table: &'static [Named<T>],
    there_is: &str,
) -> Result<T, Wrong> {
    find(table, text).ok_or_else(|| unknown(fact, text, there_is, nearest(text, all(table))))
}

/// A terminal services session, by its number or as `query session` and the task manager name the services'.
pub(crate) fn terminal_session(fact: &str, text: &str) -> Result<u32, Wrong> {
    if plain(text) == "services" {
        return Ok(0);
    }
    let read = number(text).and_then(|number| u32::try_from(number).ok());
    read.ok_or_else(|| {
        let (why, _) = unknown(fact, text, SESSION_VALUES, None);
        let named = text.starts_with(char::is_alphabetic);
        (why, named.then(|| format!("{fact}=N with the number that `query session` prints beside the name")))
    })
}

pub(crate) fn user(fact: &str, text: &str) -> Result<Sid, Wrong> {
    if let Some(sid) = find(USERS, text).or_else(|| group(text)).or_else(|| sid(text)) {
        return match no_user(&sid) {
            None => Ok(sid),
            Some((what, write)) => {
                Err((format!("{fact}: {text} is {what}, and no user; it is {USER_VALUES}"), Some(write)))
            }
        };
    }
    let (why, like) = unknown(fact, text, USER_VALUES, nearest(text, all(USERS)));
    // Accounts of a machine have no value of their own: what counts is whether two are the same.
    let account = "user=S-1-… as `whoami /user` prints it; or user=A and user=B for two users that differ";
    let service = "user=S-1-… as `sc showsid` with the name behind NT SERVICE prints it";
    let own = if plain(text).starts_with(r"ntservice\") { service } else { account };
    Err((why, like.or_else(|| Some(own.to_owned()))))
}

/// The logon session of a token, by whose it is or by its LUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// That of the token's user.
    Own,
    /// That of the server.
    Server,
    /// This one.
    Is(Luid),
}

pub(crate) fn session(fact: &str, text: &str, relative: Session, there_is: &str) -> Result<Session, Wrong> {
    let name = if relative == Session::Own { "own" } else { "server" };
    if plain(text) == name || relative == Session::Server && plain(text) == "process" {
        return Ok(relative);
    }
    if let Some(luid) = find(LUIDS, text).or_else(|| luid(text)) {
        return Ok(Session::Is(luid));
    }
    if sid(text).is_some_and(|sid| below(&sid, "S-1-5-5-").is_some()) {
        let why = format!(
            "{fact}: {text} is a logon SID, whose numbers are not those of the logon session; it is {there_is}"
        );
        return Err((
            why,
            Some(format!("{fact}=N with the authentication id, as `klist` and WinDbg's !token print it")),
        ));
    }
    let names = all(LUIDS).chain(std::iter::once((name, name)));
    Err(unknown(fact, text, there_is, nearest(text, names)))
}

/// A LUID as a number, or as the two halves that debuggers print in hexadecimal, `0:3e7`, `(0,3e7)` and
/// ``00000000`000003e7``, or as one number that can only be hexadecimal, `3e7`.
fn luid(text: &str) -> Option<Luid> {
    let hex = |text: &str| {
        let digits = text.trim();
        let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
        let digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)?;
        u32::from_str_radix(digits, 16).ok().map(u64::from)
    };
    let text = text.trim_matches(['(', ')']);
    if let Some((high, low)) = text.split_once([':', ',', '`']) {
        return Some(Luid(hex(high)? << 32 | hex(low)?));
    }
    let only_hex =
        || text.starts_with(|c: char| c.is_ascii_digit()).then(|| hex(text.trim_end_matches(['h', 'H'])));
    number(text).or_else(|| only_hex().flatten()).map(Luid)
}

pub(crate) fn integrity(fact: &str, text: &str) -> Result<u32, Wrong> {
    // `whoami /groups` prints "Mandatory Label\Medium Mandatory Level", and the label's SID behind it.
    let name = plain(bare(text));
    let name = name.strip_prefix(r"mandatorylabel\").unwrap_or(&name);
    let ends = ["mandatorylevel", "integritylevel", "integrity", "level"];
    let name = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let label = || below(&sid(text)?, "S-1-16-").and_then(|subs| <[u32; 1]>::try_from(subs).ok());
    if let Some(rid) = find(INTEGRITIES, name).or_else(|| label().map(|[rid]| rid)) {
        return Ok(rid);
    }
    let read = number(bare(text)).and_then(|number| u32::try_from(number).ok());
    read.ok_or_else(|| {
        let (why, like) = unknown(fact, text, INTEGRITY_VALUES, nearest(name, all(INTEGRITIES)));
        // People say "level" of both.
        let level = || nearest(text, all(LEVELS)).map(|level| format!("level={level}"));
        (why, like.or_else(level))
    })
}

/// `SeImpersonatePrivilege` by its names, and as `whoami /priv` and debuggers print it: with its number before it, and
/// with its description and its state behind it.
pub(crate) fn privilege(fact: &str, text: &str) -> Result<Privilege, Wrong> {
    if let Some(privilege) = find(PRIVILEGES, text).or_else(|| with_state(&plain(text))) {
        return Ok(privilege);
    }
    if let Some(wrong) = other_privilege(fact, text) {
        return Err(wrong);
    }
    Err(unknown(fact, text, PRIVILEGE_VALUES, nearest(text, all(PRIVILEGES))))
}

fn with_state(text: &str) -> Option<Privilege> {
    let (before, behind) = text.split_once("seimpersonate")?;
    let behind =
        ["privilege", "priv", "name"].iter().find_map(|end| behind.strip_prefix(end)).unwrap_or(behind);
    let behind = behind.trim_start_matches("impersonateaclientafterauthentication");
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    match before.trim_end_matches(|c: char| c.is_ascii_hexdigit() || c == 'x') {
        "" | "+" => {}
        "-" | "!" | "no" | "not" | "without" if behind.is_empty() => return Some(Privilege::Absent),
        _ => return None,
    }
    match letters(behind).trim_start_matches("state") {
        ""
        | "enabled"
        | "enabledbydefault"
        | "attributesenabled"
        | "attributesenableddefault"
        | "yes"
        | "true"
        | "1" => Some(Privilege::Enabled),
        "disabled" | "attributes" | "attributesdisabled" => Some(Privilege::Disabled),
        "removed" | "absent" | "no" | "none" | "false" | "0" => Some(Privilege::Absent),
        _ => None,
    }
}

/// What there is to say of a privilege that no rule reads.
pub(crate) fn other_privilege(fact: &str, text: &str) -> Option<Wrong> {
    if let Some(row) = OTHER_PRIVILEGES.iter().find(|row| find(std::slice::from_ref(row), text).is_some()) {
        return Some((
            format!("{fact}: {} is known, but {}", row.name, row.value),
            Some("privilege=SeImpersonate, the one that the rules read".to_owned()),
        ));
    }
    let text = text.trim();
    let name = plain(text);
    let short = text.strip_prefix("Se").is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_uppercase())
            && rest.bytes().all(|byte| byte.is_ascii_alphabetic())
    });
    let of_header = text.starts_with("SE_") && (text.ends_with("_NAME") || text.ends_with("_PRIVILEGE"));
    let one = name.starts_with("se") && name.ends_with("privilege") || short || of_header;
    (one && !name.contains("seimpersonate")).then(|| {
        (
            format!("{fact}: no rule reads {text}; it is {PRIVILEGE_VALUES}"),
            Some("nothing of it; or privilege=SeImpersonate, the one that the rules read".to_owned()),
        )
    })
}

/// A fact that is so, or with `no` is not so.
pub(crate) fn flag(fact: &str, value: Option<&str>) -> Result<bool, Wrong> {
    match value.map(plain).as_deref() {
        None | Some("yes" | "true" | "1" | "on") => Ok(true),
        Some("no" | "not" | "false" | "0" | "off") => Ok(false),
        // As debuggers print a count, or an address.
        Some(text) if number(text) == Some(0) => Ok(false),
        Some("") => Err((format!("{fact} needs a value, or none: {FLAG_VALUES}"), None)),
        Some(_) => Err(unknown(fact, value.unwrap_or_default(), FLAG_VALUES, None)),
    }
}

/// An `AppContainer` package, by a number or its SID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackageName {
    /// The token is in no `AppContainer`.
    None,
    Number(u32),
    Sid(Sid),
}

/// A package. `is` says that the fact's name asks whether there is one, as `TokenIsAppContainer` does.
pub(crate) fn package(fact: &str, text: &str, is: bool) -> Result<PackageName, Wrong> {
    match plain(text).as_str() {
        "no" | "none" | "false" | "not" | "(null)" | "null" => return Ok(PackageName::None),
        "yes" | "true" => return Ok(PackageName::Number(1)),
        other if is && number(other) == Some(0) => return Ok(PackageName::None),
        _ => {}
    }
    package_sid(fact, text, PACKAGE_VALUES)
}

/// A package that there is.
pub(crate) fn package_sid(fact: &str, text: &str, there_is: &str) -> Result<PackageName, Wrong> {
    if let Some(sid) = sid(text) {
        return match below(&sid, "S-1-15-2-").as_deref() {
            Some([1 | 2]) | None => Err(unknown(fact, text, there_is, Some("1 or the package's SID"))),
            Some(_) => Ok(PackageName::Sid(sid)),
        };
    }
    let read = number(text).and_then(|number| u32::try_from(number).ok());
    let hint = text.starts_with(char::is_alphabetic).then_some("1 or the package's SID");
    read.map(PackageName::Number).ok_or_else(|| unknown(fact, text, there_is, hint))
}

impl PackageName {
    /// The container that a child is in: its SID has the parent's numbers and four more.
    pub(crate) fn parent(&self) -> Option<Self> {
        let Self::Sid(package) = self else { return None };
        let numbers = below(package, "S-1-15-2-")?;
        let [parent @ .., _, _, _, _] = numbers.as_slice() else { return None };
        if parent.len() != 7 {
            return None;
        }
        let parent: Vec<_> = parent.iter().map(ToString::to_string).collect();
        sid(&format!("S-1-15-2-{}", parent.join("-"))).map(Self::Sid)
    }
}

impl std::fmt::Display for PackageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Number(number) => number.fmt(f),
            Self::Sid(sid) => sid.fmt(f),
        }
    }
}
