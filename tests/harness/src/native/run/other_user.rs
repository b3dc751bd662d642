//! Obtains a token of another user, B in the catalogue.
//!
//! A process that holds `SeTcbPrivilege` logs on LOCAL SERVICE, which every Windows has and
//! which has no password. An administrator creates an account, logs it on, and deletes it at
//! once: the token stays valid. Without either there is no such token.

use super::removal::{self, PREFIX, Windows};
use crate::journal::Thing;
use crate::native::system::account::{self, Account};
use crate::native::system::error::Error;
use crate::native::system::information::Information;
use crate::native::system::logon::{self, Kind};
use crate::native::system::random::{self, Password};
use crate::native::system::{Token, thread, token};
use psimp_model::sids;
use psimp_nt::Sid;
use std::fmt::Write as _;

/// `SeTcbPrivilege`.
const TCB: u64 = 7;
const LOCAL_SERVICE: Sid = Sid::new(5, &[19]);
/// The logon sessions of SYSTEM and of LOCAL SERVICE, the same on every system.
const SYSTEM_SESSION: u64 = 0x3E7;
const LOCAL_SERVICE_SESSION: u64 = 0x3E5;

/// Another user.
pub(super) struct Other {
    /// A primary token.
    pub(super) token: Token,
    /// What was read from it.
    pub(super) seen: Information,
    /// The same user, logged on from another session than the harness's, or why that cannot be had.
    pub(super) elsewhere: Result<Token, String>,
}

/// Obtains a token of another user, by the means that a process with this token has.
///
/// # Errors
/// What is needed, and the error of Windows.
pub(super) fn log_on(own: &Token, seen: &Information) -> Result<Other, String> {
    let service = match as_local_service(own, seen) {
        Ok(other) => return Ok(other),
        Err(why) => why,
    };
    as_temporary(seen).map_err(|account| {
        format!("needs a token of another user: LOCAL SERVICE, {service}; a new account, {account}")
    })
}

/// Whether Administrators is enabled in a token.
pub(super) fn is_administrator(seen: &Information) -> bool {
    seen.groups.iter().any(|group| group.sid == sids::ADMINISTRATORS && group.enabled() && !group.deny_only())
}

/// Changes the origin of a token that was logged on from the harness's own session.
///
/// # Errors
/// What is needed, and the error of Windows.
pub(super) fn give_origin(own: &Token, seen: &Information, token: Token) -> Result<Token, String> {
    enable_tcb(own, seen)?;
    let ours = seen.authentication_id == SYSTEM_SESSION;
    let origin = if ours { LOCAL_SERVICE_SESSION } else { SYSTEM_SESSION };
    token
        .set_origin(origin)
        .map_err(|status| format!("needs SeTcbPrivilege: NtSetInformationToken of the origin: {status}"))?;
    let kept = token.information().map_err(|status| format!("NtQueryInformationToken: {status}"))?.origin;
    if kept == Some(origin) {
        Ok(token)
    } else {
        let kept = kept.map_or_else(|| "unknown".to_owned(), |kept| format!("{kept:#x}"));
        Err(format!("needs a token of another origin: set to {origin:#x}, it is {kept}"))
    }
}

/// Enables the privilege that acts as a part of the system, if this process has it.
pub(super) fn enable_tcb(own: &Token, seen: &Information) -> Result<(), String> {
    if !seen.privileges.iter().any(|held| held.luid == TCB) {
        return Err("needs SeTcbPrivilege, which this account has not".to_owned());
    }
    own.set_privilege(TCB, true)
        .map_err(|status| format!("needs SeTcbPrivilege: NtAdjustPrivilegesToken: {status}"))
}

fn as_local_service(own: &Token, seen: &Information) -> Result<Other, String> {
    enable_tcb(own, seen)?;
    let token = logon::local_service().map_err(|error| error.to_string())?;
    verified(&token, LOCAL_SERVICE, seen)
}

/// Creates an account, logs it on, and deletes it.
fn as_temporary(own: &Information) -> Result<Other, String> {
    if account::are_of_a_domain() {
        return Err("which would be the whole domain's: this is a domain controller".to_owned());
    }
    let journal = removal::journal()?;
    let said = |error: Error| error.to_string();
    let name = format!("{PREFIX}{}", hex(&random::bytes::<6>().map_err(said)?));
    let mark = hex(&random::bytes::<16>().map_err(said)?);
    let thing = Thing::Account { name: name.clone(), mark: mark.clone(), sid: None };
    let (account, other) = journal.make(&Windows, thing, |thing| {
        let comment = format!("Made by psimp for one logon; may be deleted. {mark}");
        let password = Password::new().map_err(said)?;
        account::create(&name, &comment, &password).map_err(|error| {
            if is_administrator(own) { error.to_string() } else { format!("needs an administrator: {error}") }
        })?;
        let Thing::Account { sid, .. } = thing;
        let other = use_new(&name, &password, sid, own);
        if let Err(why) = &other {
            // This process made it, so it is not examined first: that may be what failed.
            account::delete(&name).map_err(|error| format!("{why}; then {error}"))?;
        }
        other
    })?;
    if let Err(why) = account.undo() {
        eprintln!("psimp: {why}");
    }
    Ok(other)
}

/// Logs on a new account.
fn use_new(
    name: &str,
    password: &Password,
    told: &mut Option<String>,
    own: &Information,
) -> Result<Other, String> {
    let found = Account::find(name).map_err(|error| error.to_string())?;
    let sid = found.ok_or("NetUserAdd succeeded, and the account is not there")?.sid;
    *told = Some(sid.to_string());
    account::join_users(&sid).map_err(|error| error.to_string())?;
    let mut refused = Vec::new();
    for kind in [Kind::Network, Kind::Interactive, Kind::Batch] {
        match logon::local(name, password, kind) {
            Ok(token) => {
                let first = verified(&token, sid, own)?;
                let elsewhere = log_on_again(&first, name, password, kind, own);
                return Ok(Other { elsewhere, ..first });
            }
            // Policies deny local accounts one logon type or another, rarely all, and not always with the same error.
            Err(error) => refused.push(format!("{kind:?}: {error}")),
        }
    }
    Err(refused.join("; "))
}

/// Logs an account on from its own logon session, which is then the origin of the token: on a thread that impersonates
/// the account.
fn log_on_again(
    first: &Other,
    name: &str,
    password: &Password,
    kind: Kind,
    own: &Information,
) -> Result<Token, String> {
    let copy = first.token.duplicate(token::ALL_ACCESS, psimp_nt::TokenType::Impersonation, 2, false);
    let copy = copy.map_err(|status| format!("NtDuplicateToken: {status}"))?;
    let again = thread::scope(|scope| {
        let logon = thread::spawn_in(scope, || {
            thread::set_token(thread::current(), Some(&copy))
                .map_err(|status| format!("SetThreadToken: {status}"))?;
            let token = logon::local(name, password, kind);
            thread::set_token(thread::current(), None).map_err(|status| format!("RevertToSelf: {status}"))?;
            token.map_err(|error| error.to_string())
        });
        logon.join().unwrap_or_else(|_| Err("its thread panicked".to_owned()))
    });
    let again = verified(&again?, first.seen.user, own)?;
    match again.seen.origin {
        Some(origin) if origin != own.authentication_id => Ok(again.token),
        _ => Err("the origin is the harness's session all the same".to_owned()),
    }
}

/// Checks that the token is the account's: a logon may succeed with the caller's own token.
fn verified(token: &Token, expected: Sid, own: &Information) -> Result<Other, String> {
    let pretends = |what: String| format!("LogonUserW returned success, but {what}");
    let seen =
        token.information().map_err(|status| pretends(format!("its token cannot be queried: {status}")))?;
    if seen.user != expected {
        return Err(pretends(format!("its token is of {}, not of {expected}", seen.user)));
    }
    if seen.user == own.user {
        return Err(pretends(format!("its token is of {expected}, who runs this")));
    }
    let primary = token.duplicate(token::ALL_ACCESS, psimp_nt::TokenType::Primary, 0, false);
    let token = primary.map_err(|status| pretends(format!("its token cannot be duplicated: {status}")))?;
    Ok(Other { token, seen, elsewhere: Err("it was not tried".to_owned()) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
