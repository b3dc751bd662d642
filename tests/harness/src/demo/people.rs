//! The processes, users and documents on the model.

use super::{Scene, Stranger};
use crate::run::Setup;
use crate::show::view::Account;
use psimp_catalogue::User;
use psimp_model::{Group, Privilege, TokenSpec, privileges, sids};
use psimp_nt::{Level, Luid, Sid, Status, TokenType, integrity};
use psimp_protocol::RulesMode;
use psimp_rules::{AnonymousClient, Family, PlatformFacts};

/// The ids shown for the model's processes and threads. The model's own depend on what else the
/// host has created.
pub(super) const SERVER: u32 = 100;
pub(super) const SERVER_THREAD: u32 = 104;
pub(super) const CLIENT: u32 = 200;
pub(super) const STRANGER: u32 = 300;

/// Logon sessions: the server's, the client's and the stranger's.
pub(super) const SERVER_LOGON: u32 = 0xA1;
pub(super) const CLIENT_LOGON: u32 = 0xC1;
pub(super) const STRANGER_LOGON: u32 = 0xE1;

pub(super) fn scene(target: &Setup, name: &str) -> Scene {
    let alice = account(User::A.sid());
    let bob = account(User::B.sid());
    let (user, other) = (alice.shown().to_owned(), bob.shown().to_owned());
    // No documented exception lets a server be another user.
    let strict = target.rules == RulesMode::Documented || target.kernel.family() == Family::Documented;
    Scene {
        target: name.to_owned(),
        server: format!(
            "{}, thread {SERVER_THREAD}: {user} as an administrator\n            ({}); it has the device open",
            named("server.exe", SERVER),
            alice.sid,
        ),
        client: format!(
            "{}: {user} as an ordinary user, in another logon session",
            named("client.exe", CLIENT)
        ),
        document: format!("opens to that logon session, {}, and to nobody else", logon_sid(CLIENT_LOGON)),
        opens_as_itself: Status::ACCESS_DENIED,
        // Peios judges such a thread as the anonymous logon.
        anonymous: match target.kernel.facts().anonymous_client {
            AnonymousClient::Checked => Status::ACCESS_DENIED,
            AnonymousClient::Refused => Status::BAD_IMPERSONATION_LEVEL,
        },
        user,
        client_process: named("client.exe", CLIENT),
        stranger: Some(Stranger {
            is: format!(
                "{}: {other}; the document now is one of this logon session",
                named("client.exe", STRANGER)
            ),
            user: other,
            process: named("client.exe", STRANGER),
            kept: !strict,
        }),
        rules: target.rules,
    }
}

pub(super) fn named(name: &str, id: u32) -> String {
    format!("{name}, process {id}")
}

/// The logon SID of a logon session.
pub(super) fn logon_sid(logon: u32) -> Sid {
    Sid::new(5, &[5, 0, logon])
}

/// The users of this machine have names.
pub(super) fn account(sid: Sid) -> Account {
    let users = [(User::A, r"DEMO\alice"), (User::B, r"DEMO\bob")];
    let name = users.into_iter().find_map(|(user, name)| (user.sid() == sid).then(|| name.to_owned()));
    Account { sid: sid.to_string(), name }
}

/// A medium primary token of a user.
pub(super) fn ordinary(user: User, logon: u32) -> TokenSpec {
    let groups = [Sid::EVERYONE, sids::AUTHENTICATED_USERS, logon_sid(logon)];
    TokenSpec {
        groups: groups.map(|sid| Group { sid, enabled: true }).to_vec(),
        privileges: vec![Privilege { luid: privileges::CHANGE_NOTIFY, enabled: true }],
        platform: PlatformFacts {
            origin: Luid::SYSTEM,
            integrity: integrity::MEDIUM,
            session: 1,
            ..PlatformFacts::default()
        },
        ..TokenSpec::new(user.sid(), Luid(logon.into()), TokenType::Primary, Level::Anonymous)
    }
}

/// The server's token: of the client's user, as an administrator.
pub(super) fn server() -> TokenSpec {
    let mut spec = ordinary(User::A, SERVER_LOGON);
    spec.groups.push(Group { sid: sids::ADMINISTRATORS, enabled: true });
    spec.privileges.push(Privilege { luid: privileges::IMPERSONATE, enabled: true });
    spec.platform.integrity = integrity::HIGH;
    spec.platform.elevated = true;
    spec
}
