//! Whether a token that was made is what its fixture says.
//!
//! A kernel may answer success and ignore part of what it was asked for. The results of a case with such a token would
//! say nothing about the case.

use super::feature::Feature;
pub use crate::machine::OTHER_PRIVILEGE;
use psimp_catalogue::{Fixture, Privilege, User};
use psimp_model::{privileges, sids};
use psimp_nt::{Sid, TokenType, integrity};
use psimp_rules::{Package, Restriction};
use psimp_windows::information::Information;

/// Privileges that ordinary accounts have, one of which is kept and disabled so that effective-only shows:
/// `SeTimeZone`, `SeIncreaseWorkingSet`, `SeUndock`, `SeShutdown`.
pub const HARMLESS: &[u32] = &[privileges::TIME_ZONE, 33, 25, 19];

/// The SID of a package that no application has: the name of this program in a hash's place, and the package's number.
pub fn package_sid(package: Package) -> Sid {
    Sid::new(15, &[2, 0x7073_696D, 0x7000_0000, 0, 0, 0, 0, package.id])
}

/// A fixture in the terms of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What the token was made for.
    pub fixture: &'a Fixture,
    /// Its user here.
    pub user: Sid,
    /// The restricting SIDs that a restricted token was to get.
    pub restricting: &'a [Sid],
    /// Whether tokens have integrity levels here.
    pub integrity_levels: bool,
    /// Whether features of this system are probed, as on Wine. What a feature is about is left to its probe: a case
    /// that needs it runs only if that succeeds.
    pub probed: bool,
}

/// A property that is not as wanted: what was wanted, and what there is.
type Difference = Option<(String, String)>;

/// A property: its name, the feature that it is about, and the comparison.
type Property = (&'static str, Option<Feature>, fn(&Wanted<'_>, &Information) -> Difference);

/// What the token of every fixture is asked.
const ALWAYS: &[Property] = &[
    ("user", None, |wanted, seen| {
        unless(seen.user == wanted.user, wanted.user.to_string(), seen.user.to_string())
    }),
    ("type", None, |wanted, seen| {
        let (wanted, seen) = (wanted.fixture.token_type, seen.token_type);
        unless(wanted == seen, format!("{wanted:?}"), format!("{seen:?}"))
    }),
    ("level", None, |wanted, seen| {
        let (level, ours) = (wanted.fixture.level, wanted.fixture.token_type == TokenType::Impersonation);
        let told = seen.level.map_or_else(|status| status.to_string(), |level| format!("{level:?}"));
        unless(!ours || seen.level == Ok(level), format!("{level:?}"), told)
    }),
];

/// What a token that the harness has made is asked too; the anonymous token is the system's own.
const MADE: &[Property] = &[
    ("restricting SIDs", Some(Feature::RestrictingSids), |wanted, seen| {
        let restricted = wanted.fixture.restriction.is_restricted();
        let asked: &[Sid] = if restricted { wanted.restricting } else { &[] };
        // A kernel may add S-1-5-33 to those of a write-restricted token.
        let right = asked.iter().all(|sid| seen.restricting.contains(sid))
            && seen.restricting.is_empty() != restricted;
        unless(right, list(asked), list(&seen.restricting))
    }),
    ("write-restricted", Some(Feature::RestrictingSids), |wanted, seen| {
        let write = wanted.fixture.restriction == Restriction::WriteRestricted;
        // Kernels before Windows Vista do not tell.
        let right = seen.write_restricted.is_none_or(|seen| seen == write);
        unless(right, format!("{write}"), format!("{:?}", seen.write_restricted))
    }),
    ("Administrators", None, |wanted, seen| {
        let group = seen.groups.iter().find(|group| group.sid == sids::ADMINISTRATORS);
        let usable = group.is_some_and(|group| group.enabled() && !group.deny_only());
        let word = |usable| if usable { "enabled" } else { "absent or for denying only" };
        let administrator = wanted.fixture.administrator;
        unless(usable == administrator, word(administrator), word(usable))
    }),
    ("SeImpersonatePrivilege", None, |wanted, seen| {
        privilege(wanted.fixture.impersonate, held(seen, privileges::IMPERSONATE))
    }),
    ("SeBackupPrivilege", None, |wanted, seen| {
        let other = wanted.fixture.other_privilege;
        privilege(if other { Privilege::Enabled } else { Privilege::Absent }, held(seen, OTHER_PRIVILEGE))
    }),
    ("a disabled privilege", None, |_, seen| {
        unless(seen.privileges.iter().any(|held| !held.enabled()), "one", "none")
    }),
    ("other privileges", None, |_, seen| {
        let known = [privileges::CHANGE_NOTIFY, privileges::IMPERSONATE, OTHER_PRIVILEGE];
        let known = |luid: u64| known.iter().chain(HARMLESS).any(|known| u64::from(*known) == luid);
        let more: Vec<_> =
            seen.privileges.iter().map(|held| held.luid).filter(|luid| !known(*luid)).collect();
        unless(more.is_empty(), "none", format!("{more:?}"))
    }),
    ("integrity", Some(Feature::Integrity), |wanted, seen| {
        let level = wanted.fixture.integrity;
        // Without levels every token is as those of medium integrity.
        let right = seen.integrity == Some(level)
            || (!wanted.integrity_levels && seen.integrity.is_none() && level == integrity::MEDIUM);
        let told = seen.integrity.map_or_else(|| "none".to_owned(), |level| format!("{level:#x}"));
        unless(right, format!("{level:#x}"), told)
    }),
    ("package", None, |wanted, seen| {
        let wanted = wanted.fixture.package.map(package_sid);
        let word = |sid: Option<Sid>| sid.map_or_else(|| "none".to_owned(), |sid| sid.to_string());
        unless(wanted == seen.package, word(wanted), word(seen.package))
    }),
    // The tokens of an elevated account may tell that they are elevated, whatever was taken out of them. The only
    // server that the rule is about, one of a filtered logon, is not made here.
    ("elevated", None, |wanted, seen| {
        unless(!wanted.fixture.elevated || seen.elevated == Some(true), "yes", format!("{:?}", seen.elevated))
    }),
];

/// Compares a token with the fixture that it was made for.
///
/// # Errors
/// Every difference, in a sentence.
pub fn check(name: &str, wanted: &Wanted<'_>, seen: &Information) -> Result<(), String> {
    let made: &[Property] = if wanted.fixture.user == User::Anonymous { &[] } else { MADE };
    let differences: Vec<_> = ALWAYS
        .iter()
        .chain(made)
        .filter(|(_, feature, _)| feature.is_none() || !wanted.probed)
        .filter_map(|(property, _, differs)| {
            let (wanted, seen) = differs(wanted, seen)?;
            Some(format!("{property}: wanted {wanted}, got {seen}"))
        })
        .collect();
    if differences.is_empty() {
        Ok(())
    } else {
        Err(format!("the token made for {name} is another: {}", differences.join("; ")))
    }
}

fn unless(right: bool, wanted: impl Into<String>, seen: impl Into<String>) -> Difference {
    (!right).then(|| (wanted.into(), seen.into()))
}

fn held(seen: &Information, luid: u32) -> Privilege {
    match seen.privileges.iter().find(|held| held.luid == u64::from(luid)) {
        None => Privilege::Absent,
        Some(held) if held.enabled() => Privilege::Enabled,
        Some(_) => Privilege::Disabled,
    }
}

fn privilege(wanted: Privilege, seen: Privilege) -> Difference {
    unless(wanted == seen, format!("{wanted:?}"), format!("{seen:?}"))
}

fn list(sids: &[Sid]) -> String {
    if sids.is_empty() {
        return "none".to_owned();
    }
    sids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use psimp_catalogue::{ClientToken, ServerToken};
    use psimp_nt::{Level, Status};
    use psimp_windows::information::{Group, Privilege as Held};

    const USER: Sid = Sid::new(5, &[21, 7, 7, 7, 1000]);
    const DENY_ONLY: u32 = 0x10;
    const ENABLED: u32 = 0x7;

    /// What a right token for `A2` tells.
    fn right() -> Information {
        Information {
            token_id: 1,
            authentication_id: 2,
            token_type: TokenType::Impersonation,
            level: Ok(Level::Impersonation),
            recorded_level: 2,
            user: USER,
            groups: vec![Group { sid: sids::ADMINISTRATORS, attributes: DENY_ONLY }],
            privileges: vec![Held { luid: 23, attributes: 2 }, Held { luid: 34, attributes: 0 }],
            restricting: vec![],
            write_restricted: Some(false),
            integrity: Some(0x2000),
            session: Some(1),
            elevated: Some(false),
            elevation_type: Some(1),
            origin: Some(0x3E7),
            app_container: Some(false),
            package: None,
        }
    }

    fn checked(name: &str, fixture: Fixture, seen: &Information) -> Result<(), String> {
        let wanted = Wanted {
            fixture: &fixture,
            user: USER,
            restricting: &[sids::RESTRICTED],
            integrity_levels: true,
            probed: false,
        };
        check(name, &wanted, seen)
    }

    fn client(tok: ClientToken, change: impl FnOnce(&mut Information)) -> Result<(), String> {
        let mut seen = right();
        change(&mut seen);
        checked(tok.name(), tok.fixture(), &seen)
    }

    fn wrong(tok: ClientToken, change: impl FnOnce(&mut Information), words: &str) {
        let why = client(tok, change).expect_err(words);
        assert_eq!(why, format!("the token made for {} is another: {words}", tok.name()));
    }

    #[test]
    fn right_tokens_pass() {
        assert_eq!(client(ClientToken::A2, |_| ()), Ok(()));
        assert_eq!(client(ClientToken::AR2, |seen| seen.restricting = vec![sids::RESTRICTED]), Ok(()));
        let restricting = vec![sids::RESTRICTED, Sid::new(5, &[33])];
        let write = |seen: &mut Information| {
            (seen.restricting, seen.write_restricted) = (restricting, Some(true));
        };
        assert_eq!(client(ClientToken::AW2, write), Ok(()));
        let mut primary =
            Information { token_type: TokenType::Primary, level: Err(Status::INVALID_PARAMETER), ..right() };
        assert_eq!(checked("S", ServerToken::S.fixture(), &primary), Ok(()));
        primary.privileges.push(Held { luid: 29, attributes: 2 });
        assert_eq!(checked("S+", ServerToken::SPlus.fixture(), &primary), Ok(()));
    }

    #[test]
    fn every_property_that_is_wrong_is_named() {
        let other = Sid::new(5, &[19]);
        let a2 = ClientToken::A2;
        wrong(a2, |seen| seen.user = other, "user: wanted S-1-5-21-7-7-7-1000, got S-1-5-19");
        wrong(a2, |seen| seen.token_type = TokenType::Primary, "type: wanted Impersonation, got Primary");
        wrong(
            a2,
            |seen| seen.level = Ok(Level::Identification),
            "level: wanted Impersonation, got Identification",
        );
        wrong(
            a2,
            |seen| seen.level = Err(Status::INFO_LENGTH_MISMATCH),
            "level: wanted Impersonation, got STATUS_INFO_LENGTH_MISMATCH",
        );
        wrong(ClientToken::AR2, |_| (), "restricting SIDs: wanted S-1-5-12, got none");
        wrong(
            ClientToken::AR2,
            |seen| seen.restricting = vec![other],
            "restricting SIDs: wanted S-1-5-12, got S-1-5-19",
        );
        wrong(a2, |seen| seen.restricting = vec![other], "restricting SIDs: wanted none, got S-1-5-19");
        wrong(
            a2,
            |seen| seen.write_restricted = Some(true),
            "write-restricted: wanted false, got Some(true)",
        );
        wrong(
            ClientToken::AW2,
            |seen| seen.restricting = vec![sids::RESTRICTED],
            "write-restricted: wanted true, got Some(false)",
        );
        wrong(
            a2,
            |seen| seen.groups[0].attributes = ENABLED,
            "Administrators: wanted absent or for denying only, got enabled",
        );
        wrong(ClientToken::Aa2, |_| (), "Administrators: wanted enabled, got absent or for denying only");
        wrong(ClientToken::APlus2, |_| (), "SeImpersonatePrivilege: wanted Enabled, got Absent");
        wrong(
            a2,
            |seen| seen.privileges.push(Held { luid: 29, attributes: 0 }),
            "SeImpersonatePrivilege: wanted Absent, got Disabled",
        );
        wrong(ClientToken::Ax2, |_| (), "SeBackupPrivilege: wanted Enabled, got Absent");
        wrong(a2, |seen| seen.privileges.truncate(1), "a disabled privilege: wanted one, got none");
        wrong(
            a2,
            |seen| seen.privileges.push(Held { luid: 7, attributes: 2 }),
            "other privileges: wanted none, got [7]",
        );
        wrong(ClientToken::AL2, |_| (), "integrity: wanted 0x1000, got 0x2000");
        wrong(a2, |seen| seen.integrity = None, "integrity: wanted 0x2000, got none");
        wrong(ClientToken::AHm2, |_| (), "elevated: wanted yes, got Some(false)");
    }

    #[test]
    fn without_integrity_levels_every_token_is_medium() {
        let seen = Information { integrity: None, ..right() };
        let low = ClientToken::AL2.fixture();
        let wanted = Wanted {
            fixture: &ClientToken::A2.fixture(),
            user: USER,
            restricting: &[],
            integrity_levels: false,
            probed: false,
        };
        assert_eq!(check("A2", &wanted, &seen), Ok(()));
        assert!(check("AL2", &Wanted { fixture: &low, ..wanted }, &seen).is_err());
    }

    #[test]
    fn what_is_probed_is_left_to_the_probe() {
        let fixture = ClientToken::A2.fixture();
        let seen = Information { integrity: Some(0x3000), ..right() };
        let wanted =
            Wanted { fixture: &fixture, user: USER, restricting: &[], integrity_levels: true, probed: true };
        assert_eq!(check("A2", &wanted, &seen), Ok(()));
        assert!(check("A2", &Wanted { probed: false, ..wanted }, &seen).is_err());
    }

    #[test]
    fn the_anonymous_token_is_the_systems() {
        let seen = Information {
            user: Sid::ANONYMOUS_LOGON,
            integrity: Some(0),
            privileges: vec![],
            groups: vec![],
            ..right()
        };
        let wanted = Wanted {
            fixture: &ClientToken::N2.fixture(),
            user: Sid::ANONYMOUS_LOGON,
            restricting: &[],
            integrity_levels: true,
            probed: false,
        };
        assert_eq!(check("N2", &wanted, &seen), Ok(()));
        let first = Information { level: Ok(Level::Identification), ..seen };
        assert!(check("N2", &wanted, &first).is_err());
    }
}
