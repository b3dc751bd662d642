//! The tokens of the catalogue, derived from the tokens of this account.
//!
//! A server's primary token is the harness's own with less in it, so starting a
//! process with it needs no privilege. For a token that cannot be made, the error
//! names what it needs.

use super::Trouble;
use super::other_user::{self, Other};
use crate::native::fixture::{self, HARMLESS, OTHER_PRIVILEGE, Wanted, package_sid};
use crate::native::system::information::Information;
use crate::native::system::token::{ALL_ACCESS, Filter};
use crate::native::system::{Token, thread};
use psimp_catalogue::{ClientToken, Fixture, Logon, Privilege, ServerToken, User};
use psimp_model::{privileges, sids};
use psimp_nt::{Sid, Status, TokenType, integrity};
use psimp_rules::Restriction;
use std::cell::OnceCell;

/// Makes tokens.
pub(super) struct Fixtures {
    own: Token,
    seen: Information,
    /// Features of this system are probed.
    probed: bool,
    /// A token of another user, or why there is none. It is obtained when a case first needs it.
    other: OnceCell<Result<Other, String>>,
}

impl Fixtures {
    /// Reads the harness's own token.
    pub(super) fn new(probed: bool) -> Result<Self, String> {
        let own = Token::of_process(thread::current_process(), ALL_ACCESS).map_err(|status| {
            format!("the harness cannot open its own token: NtOpenProcessToken: {status}")
        })?;
        let seen = own.information().map_err(|status| {
            format!("the harness's own token cannot be queried: NtQueryInformationToken: {status}")
        })?;
        // What an elevated administrator creates is opened by Administrators and not by the user. The servers, which
        // do not have the use of that group, could open neither their own tokens nor their threads.
        own.set_default_dacl(&[seen.user, sids::ADMINISTRATORS, sids::LOCAL_SYSTEM]).map_err(|status| {
            format!("the harness's own token keeps its default DACL: NtSetInformationToken: {status}")
        })?;
        Ok(Self { own, seen, probed, other: OnceCell::new() })
    }

    /// The SID of the other user, once a case has needed it, if there is one.
    pub(super) fn other_user(&self) -> Option<Sid> {
        self.other.get()?.as_ref().ok().map(|other| other.seen.user)
    }

    fn other(&self) -> Result<&Other, String> {
        self.other.get_or_init(|| other_user::log_on(&self.own, &self.seen)).as_ref().map_err(Clone::clone)
    }

    /// The primary token of a server. One that opens the device stays an
    /// administrator; no rule depends on that.
    pub(super) fn server(&self, server: ServerToken, opens_device: bool) -> Result<Token, Trouble> {
        let restricting: Vec<_> = [self.seen.user, sids::RESTRICTED]
            .into_iter()
            .chain(self.seen.groups.iter().map(|g| g.sid))
            .collect();
        let fixture = server.fixture();
        let administrator = fixture.administrator || opens_device;
        // One that opens the device lowers its own integrity afterwards.
        let integrity =
            if opens_device { fixture.integrity.max(integrity::MEDIUM) } else { fixture.integrity };
        let fixture = Fixture { administrator, integrity, ..fixture };
        let token = self.primary(&fixture, &restricting).map_err(Trouble::Fixture)?;
        self.check(server.name(), &fixture, &restricting, &token)?;
        Ok(token)
    }

    /// A token to impersonate.
    pub(super) fn token(&self, tok: ClientToken) -> Result<Token, Trouble> {
        let fixture = tok.fixture();
        let token = self.made(tok, &fixture).map_err(Trouble::Fixture)?;
        self.check(tok.name(), &fixture, &[sids::RESTRICTED], &token)?;
        // A primary token records a level too.
        let level = u32::from(fixture.level as u8);
        let seen = token.information();
        let seen = seen.map_err(|status| not_queried(tok.name(), status))?;
        if fixture.token_type == TokenType::Primary && seen.recorded_level != level {
            return Err(Trouble::Fixture(format!(
                "needs a primary token that records level {level}; a copy for it has {}",
                seen.recorded_level
            )));
        }
        Ok(token)
    }

    fn made(&self, tok: ClientToken, fixture: &Fixture) -> Result<Token, String> {
        let refused = |status| format!("needs a token {}: NtDuplicateToken: {status}", tok.name());
        if matches!(tok, ClientToken::NS | ClientToken::NA | ClientToken::Bd2) {
            return Err("needs SeCreateTokenPrivilege".to_owned());
        }
        let primary = match fixture.user {
            User::A => self.primary(fixture, &[sids::RESTRICTED])?,
            User::B => self.of_other(fixture)?,
            User::Anonymous => anonymous()?,
        };
        let level = u32::from(fixture.level as u8);
        primary.duplicate(ALL_ACCESS, fixture.token_type, level, false).map_err(refused)
    }

    /// Whether a server and tokens can be in the sessions of their fixtures.
    pub(super) fn sessions(&self, server: ServerToken, tokens: &[ClientToken]) -> Result<(), String> {
        let zero = tokens.iter().any(|tok| tok.fixture().session == 0);
        if zero && server.fixture().session != 0 && self.seen.session == Some(0) {
            return Err("needs a process outside of session 0, in which the harness runs".to_owned());
        }
        Ok(())
    }

    /// Asks a token that was made what it is.
    fn check(
        &self,
        name: &str,
        fixture: &Fixture,
        restricting: &[Sid],
        token: &Token,
    ) -> Result<(), Trouble> {
        let user = match fixture.user {
            User::A => self.seen.user,
            User::B => self.other().map_err(Trouble::Fixture)?.seen.user,
            User::Anonymous => Sid::ANONYMOUS_LOGON,
        };
        let seen = token.information().map_err(|status| not_queried(name, status))?;
        let integrity_levels = self.seen.integrity.is_some();
        let wanted = Wanted { fixture, user, restricting, integrity_levels, probed: self.probed };
        fixture::check(name, &wanted, &seen).map_err(Trouble::Another)
    }

    /// The harness's own token with the privileges, the restriction and the
    /// integrity of a fixture.
    fn primary(&self, fixture: &Fixture, restricting: &[Sid]) -> Result<Token, String> {
        let token = match fixture.logon {
            Logon::A1Filtered => {
                let (half, seen) = self.filtered()?;
                made_of(&half, &seen, fixture, restricting)?
            }
            _ => made_of(&self.own, &self.seen, fixture, restricting)?,
        };
        if fixture.session != 0 || self.seen.session == Some(0) {
            return Ok(token);
        }
        // Its caller needs the privilege enabled, whatever the token has.
        other_user::enable_tcb(&self.own, &self.seen)
            .map_err(|why| format!("needs a process in session 0: {why}"))?;
        token
            .set_session(0)
            .map_err(|status| format!("needs a process in session 0: NtSetInformationToken: {status}"))?;
        Ok(token)
    }

    /// The half of a UAC logon that is no administrator's, as a primary token.
    fn filtered(&self) -> Result<(Token, Information), String> {
        let linked = |token: &Token| {
            let linked = token.linked().and_then(|linked| Ok((linked.information()?, linked)));
            linked.map_err(|status| {
                format!(
                    "needs both halves of a UAC logon: NtQueryInformationToken of the linked token: {status}"
                )
            })
        };
        // With the privilege the other half is a primary token.
        let privilege = other_user::enable_tcb(&self.own, &self.seen);
        let (other, token) = linked(&self.own)?;
        match (self.seen.elevated, other.elevated) {
            (Some(false), Some(true)) => {
                let own = self.own.duplicate(ALL_ACCESS, TokenType::Primary, 0, false);
                let own =
                    own.map_err(|status| format!("needs a token of its own: NtDuplicateToken: {status}"))?;
                Ok((own, self.seen.clone()))
            }
            (Some(true), Some(false)) if other.token_type == TokenType::Primary => Ok((token, other)),
            (Some(true), Some(false)) => {
                let why = privilege.err().unwrap_or_default();
                Err(format!("needs the other half of the own UAC logon as a primary token: {why}"))
            }
            (own, other) => Err(format!(
                "needs both halves of a UAC logon: the own token is elevated {own:?}, the linked one {other:?}"
            )),
        }
    }

    /// The other user's token in the same way, with the origin of the fixture.
    fn of_other(&self, fixture: &Fixture) -> Result<Token, String> {
        let other = self.other()?;
        if fixture.administrator && !other_user::is_administrator(&other.seen) {
            return Err(format!("needs another user who is an administrator, as {} is not", other.seen.user));
        }
        let own = self.seen.authentication_id;
        let from_own = fixture.origin == Logon::A1;
        let base = if from_own { &other.token } else { other.elsewhere.as_ref().unwrap_or(&other.token) };
        let token = made_of(base, &other.seen, fixture, &[sids::RESTRICTED])?;
        let origin =
            token.information().map_err(|status| format!("NtQueryInformationToken: {status}"))?.origin;
        match (from_own, origin) {
            (true, Some(origin)) if origin == own => Ok(token),
            (true, origin) => {
                let origin = origin.map_or_else(|| "unknown".to_owned(), |origin| format!("{origin:#x}"));
                Err(format!("needs a token logged on from the own session {own:#x}; LogonUser's is {origin}"))
            }
            (false, Some(origin)) if origin != own => Ok(token),
            (false, _) => {
                other_user::give_origin(&self.own, &self.seen, token).map_err(|why| match &other.elsewhere {
                    Err(logon) => format!("{why}; logged on from its own session: {logon}"),
                    Ok(_) => why,
                })
            }
        }
    }
}

/// A token that was made tells nothing of itself.
fn not_queried(name: &str, status: Status) -> Trouble {
    Trouble::Another(format!("NtQueryInformationToken of {name}: {status}"))
}

/// A primary token with the privileges, the restriction and the integrity of a
/// fixture, derived from a token of the same user that has more.
fn made_of(
    base: &Token,
    seen: &Information,
    fixture: &Fixture,
    restricting: &[Sid],
) -> Result<Token, String> {
    let user = seen.user;
    let refused = |call| move |status| format!("needs a token made of one of {user}: {call}: {status}");
    let held = |luid: u32| seen.privileges.iter().any(|held| held.luid == u64::from(luid));
    let disabled = HARMLESS.iter().copied().find(|luid| held(*luid));
    let disabled = disabled.ok_or_else(|| format!("needs a privilege to disable, which {user} has not"))?;
    if seen.integrity.is_none() && fixture.integrity != integrity::MEDIUM {
        return Err("needs integrity levels, which this kernel has not".to_owned());
    }
    let low = seen.integrity.is_some_and(|own| own < fixture.integrity);
    if low {
        let own = seen.integrity.unwrap_or_default();
        return Err(format!(
            "needs a token of {user} at integrity {:#x}; the own one has {own:#x}",
            fixture.integrity
        ));
    }
    let mut kept = vec![(privileges::CHANGE_NOTIFY, true), (disabled, false)];
    if fixture.impersonate != Privilege::Absent {
        kept.push((privileges::IMPERSONATE, fixture.impersonate == Privilege::Enabled));
    }
    if fixture.other_privilege {
        kept.push((OTHER_PRIVILEGE, true));
    }
    let luids: Vec<_> = kept.iter().map(|(luid, _)| u64::from(*luid)).collect();
    for (luid, name) in
        [(privileges::IMPERSONATE, "SeImpersonatePrivilege"), (OTHER_PRIVILEGE, "SeBackupPrivilege")]
    {
        if luids.contains(&luid.into()) && !held(luid) {
            return Err(format!("needs {name}, which {user} has not"));
        }
    }
    let deleted: Vec<_> =
        seen.privileges.iter().map(|held| held.luid).filter(|luid| !luids.contains(luid)).collect();
    let deny_only: &[Sid] = if fixture.administrator { &[] } else { &[sids::ADMINISTRATORS] };
    let restricting = if fixture.restriction.is_restricted() { restricting } else { &[] };
    // Filtered once: a process may be started with a token that was filtered from its creator's own, but not, without
    // SeAssignPrimaryTokenPrivilege, with one that was filtered from that.
    let filter = Filter {
        deleted: &deleted,
        write_restricted: fixture.restriction == Restriction::WriteRestricted,
        deny_only,
        restricting,
    };
    let token = base.filter(&filter).map_err(refused("NtFilterToken"))?;
    for (luid, enabled) in kept {
        if held(luid) {
            token.set_privilege(luid.into(), enabled).map_err(refused("NtAdjustPrivilegesToken"))?;
        }
    }
    if let Some(package) = fixture.package {
        // It is at low integrity by that.
        return token.in_app_container(&package_sid(package)).map_err(refused("NtCreateLowBoxToken"));
    }
    if seen.integrity.is_some_and(|own| own != fixture.integrity) {
        token.set_integrity(fixture.integrity).map_err(refused("NtSetInformationToken of the integrity"))?;
    }
    Ok(token)
}

/// The system's anonymous token, obtained on a separate thread.
fn anonymous() -> Result<Token, String> {
    let refused = |call| move |status| format!("needs the anonymous token: {call}: {status}");
    let opened = thread::spawn(move || {
        thread::impersonate_anonymous(thread::current()).map_err(refused("NtImpersonateAnonymousToken"))?;
        Token::of_thread(thread::current(), ALL_ACCESS, true).map_err(refused("NtOpenThreadToken"))
    });
    opened.join().map_err(|_| "needs the anonymous token: its thread panicked".to_owned())?
}
