//! Accounts and logons.

use parking_lot::Mutex;
use psimp_model::{Ace, Acl, Group, Privilege, TokenDetails, TokenSpec, rights, sids};
use psimp_nt::{Level, Luid, Sid, TokenType, integrity};
use psimp_rules::PlatformFacts;
use std::collections::BTreeMap;

use crate::random::Password;

/// The logon session of the harness.
pub(crate) const SESSION: Luid = Luid(0xA1);
/// The account that runs the harness.
const ADMINISTRATOR: Sid = account_sid(1001);
/// Users.
pub(crate) const USERS: Sid = Sid::new(5, &[32, 545]);
const INTERACTIVE: Sid = Sid::new(5, &[4]);
const NETWORK: Sid = Sid::new(5, &[2]);
const LOCAL: Sid = Sid::new(2, &[0]);

/// The SID of an account of this machine.
const fn account_sid(rid: u32) -> Sid {
    Sid::new(5, &[21, 1000, 2000, 3000, rid])
}

/// The privileges of an elevated administrator: what the local policy of Windows gives Administrators by default.
/// `SeTcb`, `SeCreateToken` and `SeAssignPrimaryToken` are not among them.
const OF_ADMINISTRATORS: &[(u32, bool)] = &[
    (5, false),  // SeIncreaseQuota
    (8, false),  // SeSecurity
    (9, false),  // SeTakeOwnership
    (10, false), // SeLoadDriver
    (11, false), // SeSystemProfile
    (12, false), // SeSystemtime
    (13, false), // SeProfileSingleProcess
    (14, false), // SeIncreaseBasePriority
    (15, false), // SeCreatePagefile
    (17, false), // SeBackup
    (18, false), // SeRestore
    (19, false), // SeShutdown
    (20, false), // SeDebug
    (22, false), // SeSystemEnvironment
    (23, true),  // SeChangeNotify
    (24, false), // SeRemoteShutdown
    (25, false), // SeUndock
    (28, false), // SeManageVolume
    (29, true),  // SeImpersonate
    (30, true),  // SeCreateGlobal
    (33, false), // SeIncreaseWorkingSet
    (34, false), // SeTimeZone
    (35, false), // SeCreateSymbolicLink
    (36, false), // SeDelegateSessionUserImpersonate
];
/// Those of Users.
const OF_USERS: &[(u32, bool)] = &[(19, false), (23, true), (25, false), (33, false), (34, false)];

fn privileges(of: &[(u32, bool)]) -> Vec<Privilege> {
    of.iter().map(|&(luid, enabled)| Privilege { luid, enabled }).collect()
}

fn groups(sids: &[Sid]) -> Vec<Group> {
    sids.iter().map(|&sid| Group { sid, enabled: true }).collect()
}

/// The SID of a logon session, which its tokens have as a group.
fn logon_sid(session: Luid) -> Sid {
    let [low, high] = [session.0 & 0xFFFF_FFFF, session.0 >> 32].map(|half| u32::try_from(half).unwrap_or(0));
    Sid::new(5, &[5, high, low])
}

/// The primary token of an administrator who has consented to elevation.
///
/// What such a token creates belongs to Administrators: its default DACL grants everything to them and to the system,
/// and reading and executing to the logon session, and nothing to the user.
pub(crate) fn administrator() -> (TokenSpec, TokenDetails) {
    let sids = [
        Sid::EVERYONE,
        sids::ADMINISTRATORS,
        USERS,
        INTERACTIVE,
        sids::AUTHENTICATED_USERS,
        LOCAL,
        logon_sid(SESSION),
    ];
    let spec = TokenSpec {
        groups: groups(&sids),
        privileges: privileges(OF_ADMINISTRATORS),
        platform: PlatformFacts { integrity: integrity::HIGH, elevated: true, ..PlatformFacts::default() },
        ..TokenSpec::new(ADMINISTRATOR, SESSION, TokenType::Primary, Level::Anonymous)
    };
    let all = [sids::ADMINISTRATORS, sids::LOCAL_SYSTEM].map(|sid| Ace::allow(sid, rights::GENERIC_ALL));
    let logon = Ace::allow(logon_sid(SESSION), rights::GENERIC_READ | rights::GENERIC_EXECUTE);
    let default_dacl = Some(Acl(all.into_iter().chain([logon]).collect()));
    (spec, TokenDetails { default_dacl, ..TokenDetails::default() })
}

/// A token of a local account from a logon on behalf of `origin`.
pub(crate) fn user(sid: Sid, session: Luid, origin: Luid, network: bool) -> TokenSpec {
    let kind = if network { NETWORK } else { INTERACTIVE };
    let sids = [Sid::EVERYONE, USERS, kind, sids::AUTHENTICATED_USERS, LOCAL, logon_sid(session)];
    // `LogonUser` returns an impersonation token for a network logon, else a primary one.
    let (token_type, level) = if network {
        (TokenType::Impersonation, Level::Impersonation)
    } else {
        (TokenType::Primary, Level::Anonymous)
    };
    TokenSpec {
        groups: groups(&sids),
        privileges: privileges(OF_USERS),
        platform: PlatformFacts { origin, ..PlatformFacts::default() },
        ..TokenSpec::new(sid, session, token_type, level)
    }
}

/// A local account.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) sid: Sid,
    pub(crate) comment: String,
    pub(crate) password: Password,
    /// Whether it is in Users, who may log on, but not as batch jobs.
    pub(crate) is_user: bool,
}

/// The local accounts that were made, and the logon sessions.
#[derive(Default)]
pub(crate) struct People(Mutex<State>);

#[derive(Default)]
struct State {
    accounts: BTreeMap<String, Person>,
    made: u32,
    sessions: Vec<u64>,
}

impl People {
    pub(crate) fn find(&self, name: &str) -> Option<Person> {
        self.0.lock().accounts.get(name).cloned()
    }

    pub(crate) fn accounts(&self) -> Vec<String> {
        self.0.lock().accounts.keys().cloned().collect()
    }

    /// Adds an account; `false` if there is one of that name.
    pub(crate) fn add(&self, name: &str, comment: &str, password: &Password) -> bool {
        let mut state = self.0.lock();
        if state.accounts.contains_key(name) {
            return false;
        }
        state.made += 1;
        let person = Person {
            sid: account_sid(1001 + state.made),
            comment: comment.to_owned(),
            password: password.clone(),
            is_user: false,
        };
        state.accounts.insert(name.to_owned(), person);
        true
    }

    /// Makes the account with this SID a member of Users; `false` without such an account.
    pub(crate) fn join(&self, sid: &Sid) -> bool {
        let mut state = self.0.lock();
        let found = state.accounts.values_mut().find(|person| person.sid == *sid);
        found.map(|person| person.is_user = true).is_some()
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.lock().accounts.remove(name);
    }

    /// A new logon session.
    pub(crate) fn session(&self) -> Luid {
        let mut state = self.0.lock();
        let session = 0xB00 + state.sessions.len() as u64;
        state.sessions.push(session);
        Luid(session)
    }

    pub(crate) fn sessions(&self) -> Vec<u64> {
        self.0.lock().sessions.clone()
    }
}
