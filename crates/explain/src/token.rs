//! What a token is: what is said of it, what that implies, and the rest as in the cases.

use crate::fact::{Key, Said};
use crate::names::{ACCOUNTS, Account, LUIDS, Privilege, USER_A, USER_B, USERS, is_virtual_account, name_of};
use crate::read::{PackageName, Session};
use crate::refusal::{Refusal, Side};
use psimp_nt::{Level, Luid, Sid, TokenType, integrity};
use psimp_rules::{Package, PlatformFacts, Restriction, TokenFacts};

/// Where a fact is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// It is said.
    Given,
    /// What is said implies it: this.
    Implied(String),
    /// Nobody said it; it is so in the cases.
    Default,
}

/// A fact of a token, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Which fact.
    pub key: Key,
    /// As it is written, such as `integrity=high`.
    pub text: String,
    /// Where it is from.
    pub from: Provenance,
}

/// A token, whole.
#[derive(Clone, Debug)]
pub struct Token {
    /// What the rules read.
    pub facts: TokenFacts,
    /// Its package as it is named, and that one's parent.
    pub(crate) package: Option<(PackageName, Option<PackageName>)>,
    /// `SeImpersonatePrivilege` may be there and disabled, which no rule tells from absent.
    privilege: Privilege,
    stated: Vec<(Key, Provenance)>,
}

/// The packages of a question, each with a number.
pub(crate) struct Packages(Vec<PackageName>);

impl Packages {
    pub(crate) fn of(said: &[&Said]) -> Self {
        let mut packages: Vec<PackageName> = Vec::new();
        let named = said.iter().flat_map(|said| {
            let implied = said.in_package().and_then(|package| package.parent());
            [said.in_package(), said.parent, implied]
        });
        for package in named.flatten() {
            if !packages.contains(&package) {
                packages.push(package);
            }
        }
        Self(packages)
    }

    /// A package's own number; of a SID one that no package has.
    fn number(&self, package: PackageName) -> u32 {
        let taken = |number: &u32| self.0.contains(&PackageName::Number(*number));
        match package {
            PackageName::None => 0,
            PackageName::Number(number) => number,
            PackageName::Sid(_) => {
                let sids = self.0.iter().filter(|package| matches!(package, PackageName::Sid(_)));
                let place = sids.take_while(|other| **other != package).count();
                (1..).filter(|number| !taken(number)).nth(place).unwrap_or(u32::MAX)
            }
        }
    }
}

impl Token {
    pub(crate) fn new(side: Side, said: &Said, server: Option<Luid>, packages: &Packages) -> Self {
        let mut stated = Vec::new();
        let implied = |by: Key| Provenance::Implied(said.written(by).unwrap_or_default());
        let mut state = |key, from: Provenance| stated.push((key, from));

        let by_logon = match said.logon {
            Some(Session::Is(luid)) => ACCOUNTS.iter().find(|account| account.logon == luid),
            _ => None,
        };
        let user = said.user.or(by_logon.map(|account| account.user)).unwrap_or(USER_A);
        state(
            Key::User,
            match (said.user, by_logon) {
                (Some(_), _) => Provenance::Given,
                (None, Some(_)) => implied(Key::Logon),
                (None, None) => Provenance::Default,
            },
        );
        let account = ACCOUNTS.iter().find(|account| account.user == user);
        let by_user = || if said.user.is_some() { implied(Key::User) } else { implied(Key::Logon) };
        let (filtered, elevated) = (said.filtered == Some(true), said.elevated == Some(true));

        let logon = match (said.logon, account) {
            (Some(Session::Is(luid)), _) => (luid, Provenance::Given),
            (given, Some(account)) => (account.logon, given.map_or_else(by_user, |_| Provenance::Given)),
            (given, None) => (
                own_logon(&user, filtered),
                match given {
                    Some(_) => Provenance::Given,
                    None if filtered => implied(Key::Filtered),
                    None => Provenance::Default,
                },
            ),
        };
        state(Key::Logon, logon.1);
        let logon = logon.0;

        let primary = side == Side::Process || said.recorded.is_some();
        let usual = if primary { TokenType::Primary } else { TokenType::Impersonation };
        let token_type = said.token_type.unwrap_or(usual);

        let by_server = match said.origin {
            Some(Session::Is(luid)) => Some(luid) == server,
            origin => origin.is_some(),
        };
        let (level, from) = match (said.level.or(said.recorded), token_type) {
            (Some(level), _) => (level, Provenance::Given),
            // LogonUser records it.
            (None, TokenType::Primary) if by_server => (Level::Impersonation, implied(Key::Origin)),
            (None, TokenType::Primary) => (Level::Anonymous, Provenance::Default),
            (None, TokenType::Impersonation) => (Level::Impersonation, Provenance::Default),
        };
        state(if token_type == TokenType::Primary { Key::Recorded } else { Key::Level }, from);

        let (privilege, from) = match (said.privilege, account) {
            (Some(privilege), _) => (privilege, Provenance::Given),
            (None, Some(Account { privilege: true, .. })) => (Privilege::Enabled, by_user()),
            _ => (Privilege::Absent, Provenance::Default),
        };
        state(Key::Privilege, from);

        let (integrity, from) = match (said.integrity, account) {
            (Some(rid), _) => (rid, Provenance::Given),
            _ if said.in_package().is_some() => (integrity::LOW, implied(Key::Package)),
            (None, Some(account)) => (account.integrity, by_user()),
            _ if elevated => (integrity::HIGH, implied(Key::Elevated)),
            _ if is_virtual_account(&user) => (integrity::HIGH, by_user()),
            _ => (integrity::MEDIUM, Provenance::Default),
        };
        state(Key::Integrity, from);

        let parent = said.parent.or_else(|| said.in_package().and_then(|package| package.parent()));
        let package = said.in_package().map(|package| (package, parent));
        state(
            Key::Parent,
            match (said.parent, parent) {
                (Some(_), _) => Provenance::Given,
                (None, Some(_)) => implied(Key::Package),
                (None, None) => Provenance::Default,
            },
        );

        let usual = account.and_then(|account| account.session);
        let (session, from) = match (said.session, usual.or(is_virtual_account(&user).then_some(0))) {
            (Some(session), _) => (session, Provenance::Given),
            (None, Some(session)) => (session, by_user()),
            (None, None) => (1, Provenance::Default),
        };
        state(Key::Session, from);

        stated.extend(unimplied(said));
        stated.sort_by_key(|(key, _)| *key);
        let platform = PlatformFacts {
            origin: match said.origin {
                Some(Session::Is(luid)) => luid,
                // Of a server, its own.
                Some(_) => server.unwrap_or(logon),
                None => Luid::SYSTEM,
            },
            impersonate_privilege: privilege == Privilege::Enabled,
            integrity,
            elevated,
            filtered_logon: filtered,
            package: package.map(|(package, parent)| Package {
                id: packages.number(package),
                parent: parent.map(|parent| packages.number(parent)),
            }),
            session,
        };
        let restriction = restriction(said);
        let facts = TokenFacts { user, authentication_id: logon, token_type, level, restriction, platform };
        Self { facts, package, privilege, stated }
    }

    /// A token with these facts, of which nobody said anything.
    pub fn of(facts: TokenFacts) -> Self {
        let privilege =
            if facts.platform.impersonate_privilege { Privilege::Enabled } else { Privilege::Absent };
        let package = facts
            .platform
            .package
            .map(|package| (PackageName::Number(package.id), package.parent.map(PackageName::Number)));
        Self { facts, package, privilege, stated: Vec::new() }
    }

    /// Every fact of the token, whole, as it can be said.
    pub(crate) fn whole(&self) -> Said {
        let (facts, platform) = (&self.facts, &self.facts.platform);
        Said {
            user: Some(facts.user),
            logon: Some(Session::Is(facts.authentication_id)),
            token_type: Some(facts.token_type),
            level: Some(facts.level),
            recorded: Some(facts.level),
            restricted: Some(facts.restriction == Restriction::Restricted),
            write_restricted: Some(facts.restriction == Restriction::WriteRestricted),
            privilege: Some(self.privilege),
            origin: Some(Session::Is(platform.origin)),
            integrity: Some(platform.integrity),
            elevated: Some(platform.elevated),
            filtered: Some(platform.filtered_logon),
            package: self.package.map(|(package, _)| package),
            parent: self.package.and_then(|(_, parent)| parent),
            session: Some(platform.session),
        }
    }

    /// Its facts, each with where it is from. What it has no package of is left out.
    pub fn stated(&self) -> Vec<Stated> {
        let whole = self.whole();
        let state = |(key, from): &(Key, Provenance)| {
            Some(Stated { key: *key, text: whole.written(*key)?, from: from.clone() })
        };
        self.stated.iter().filter_map(state).collect()
    }
}

fn restriction(said: &Said) -> Restriction {
    match (said.restricted, said.write_restricted) {
        (Some(true), _) => Restriction::Restricted,
        (_, Some(true)) => Restriction::WriteRestricted,
        _ => Restriction::None,
    }
}

/// The facts that nothing else implies, and the type, which a recorded level does.
fn unimplied(said: &Said) -> [(Key, Provenance); 7] {
    let by_level = said.written(Key::Recorded).filter(|_| said.token_type.is_none());
    [
        (Key::Type, by_level.map_or_else(|| given(said.token_type.is_some()), Provenance::Implied)),
        (Key::Restricted, given(said.restricted.is_some())),
        (Key::WriteRestricted, given(said.write_restricted.is_some())),
        (Key::Origin, given(said.origin.is_some())),
        (Key::Elevated, given(said.elevated.is_some())),
        (Key::Filtered, given(said.filtered.is_some())),
        (Key::Package, given(said.package.is_some())),
    ]
}

const fn given(is: bool) -> Provenance {
    if is { Provenance::Given } else { Provenance::Default }
}

/// The session that a user is logged on in. Users that the cases have not share one that is
/// neither A's nor B's.
fn own_logon(user: &Sid, filtered: bool) -> Luid {
    let (plain, filtered_one) = match *user {
        user if user == USER_A => (0xA1, 0xA1F),
        user if user == USER_B => (0xB1, 0xB1F),
        _ => (0xC1, 0xC1F),
    };
    Luid(if filtered { filtered_one } else { plain })
}

/// Refuses a token that cannot be.
pub(crate) fn check(side: Side, said: &Said) -> Result<(), Refusal> {
    let refuse = |why: &str, write: &str| {
        Err(Refusal { why: why.to_owned(), write: Some(write.to_owned()).filter(|write| !write.is_empty()) })
    };
    if side == Side::Process && said.token_type == Some(TokenType::Impersonation) {
        return refuse("type: the token of a process is primary", "");
    }
    if said.recorded.is_some() && side == Side::Process {
        return refuse("recorded: no rule reads the level that the token of a process records", "");
    }
    if said.recorded.is_some() && said.token_type == Some(TokenType::Impersonation) {
        return refuse(
            "recorded: it is the level of a primary token",
            "level=… for that of an impersonation token",
        );
    }
    let primary =
        side == Side::Process || said.token_type == Some(TokenType::Primary) || said.recorded.is_some();
    if primary && said.level.is_some() {
        return match side {
            Side::Process => refuse(
                "level: the token of a process is primary, and has no level",
                "level=… in --token for that of the client's token, or --level for the one that a driver passes",
            ),
            Side::Token => refuse(
                "level: a primary token has no level",
                "type=primary alone, with --level for the one that a driver passes; or type=impersonation",
            ),
        };
    }
    if said.restricted == Some(true) && said.write_restricted == Some(true) {
        return refuse("a token is restricted or write-restricted, not both", "");
    }
    if said.elevated == Some(true) && said.filtered == Some(true) {
        return refuse(
            "a token is elevated or filtered, not both: of the two tokens that UAC makes of a logon, the filtered one \
             is not elevated",
            "one of them",
        );
    }
    if said.parent.is_some() && said.in_package().is_none() {
        return refuse("parent is the parent of a package", "package=… too");
    }
    if let (Some(package), Some(parent)) = (said.in_package(), said.parent) {
        if package == parent {
            return refuse("a package is not its own parent", "another number for one of them");
        }
        if package.parent().is_some_and(|own| own != parent) {
            return refuse(
                "parent: the SID of the package is that of another parent's child",
                "package=… alone",
            );
        }
    }
    let by_logon = match said.logon {
        Some(Session::Is(luid)) if said.user.is_none() => {
            ACCOUNTS.iter().find(|account| account.logon == luid)
        }
        _ => None,
    };
    if said.in_package().is_some() && said.integrity.is_some_and(|rid| rid >= integrity::HIGH) {
        return refuse(
            "the integrity of a token in an AppContainer is low, whoever starts it",
            "package=… alone; or nothing of a package for a packaged app of full trust, which is in no AppContainer",
        );
    }
    let user = said.user.or(by_logon.map(|account| account.user));
    let account_of = |is: &dyn Fn(&Account) -> bool| ACCOUNTS.iter().find(|account| is(account));
    if let (Some(Session::Is(luid)), Some(own)) =
        (said.logon, account_of(&|account| Some(account.user) == said.user))
        && let Some(other) = account_of(&|account| account.logon == luid && account.user != own.user)
    {
        let (own, other) = (self::user(&own.user), self::user(&other.user));
        let why =
            format!("the logon session {} is that of {other}, and {own} has its own", self::logon(luid));
        return refuse(&why, &format!("user={own} alone, or user={other}"));
    }
    if let Some(name) = user
        .and_then(|user| name_of(USERS, &user))
        .filter(|_| ACCOUNTS.iter().any(|account| Some(account.user) == user))
    {
        if said.filtered == Some(true) {
            let why = format!(
                "{name} has no filtered logon session: UAC makes one for people who are administrators"
            );
            return refuse(&why, "filtered of another user, or not at all");
        }
        if name == "anonymous" && said.elevated == Some(true) {
            return refuse(
                "the anonymous logon is never elevated",
                "elevated of another user, or not at all",
            );
        }
        if name == "anonymous" && said.privilege == Some(Privilege::Enabled) {
            return refuse(
                "the anonymous logon has no privileges",
                "privilege=… of another user, or not at all",
            );
        }
    }
    Ok(())
}

/// A logon session in words.
pub(crate) fn logon(luid: Luid) -> String {
    match name_of(LUIDS, &luid) {
        Some(name) => format!("{:#x} ({name})", luid.0),
        None => format!("{:#x}", luid.0),
    }
}

/// A user in words.
pub(crate) fn user(user: &Sid) -> String {
    name_of(USERS, user).map_or_else(|| user.to_string(), str::to_owned)
}

/// An integrity level in words.
pub(crate) fn integrity_name(rid: u32) -> String {
    name_of(crate::names::INTEGRITIES, &rid).map_or_else(|| format!("{rid:#x}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use crate::fact::facts;

    #[test]
    fn each_key_is_at_its_place_in_the_table() {
        for fact in facts() {
            assert_eq!(fact.key.fact().name, fact.name);
        }
    }
}
