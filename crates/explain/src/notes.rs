//! What a question meets beside the rules: how such tokens come about, and what follows.

use crate::judged::Judged;
use crate::names::{ACCOUNTS, LOCAL_SERVICE, NETWORK_SERVICE, is_virtual_account};
use crate::question::Question;
use crate::read::Session;
use crate::refusal::Side;
use crate::token::{Token, logon, user};
use psimp_nt::{Level, Luid, TokenType};
use psimp_rules::{NT52, Verdict, W10, W10_RECENT};

/// Something to know about a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(pub String);

pub(crate) fn notes(question: &Question, process: &Token, token: &Token, judged: &[Judged]) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(Note(text.to_owned()));
    let (server, client) = (&process.facts, &token.facts);
    let windows =
        judged.iter().filter(|judged| [W10.name, W10_RECENT.name, NT52.name].contains(&judged.profile.name));
    if windows
        .clone()
        .any(|judged| !judged.is_usable() && !matches!(judged.decision.verdict, Verdict::Refused(_)))
    {
        note(
            "The call returns STATUS_SUCCESS all the same. Below Impersonation every open of that thread fails with \
             STATUS_BAD_IMPERSONATION_LEVEL (error 1346) until it reverts: look at the level that is stored.",
        );
    }
    if !server.platform.impersonate_privilege && question.said(Side::Process).privilege.is_none() {
        let account = [LOCAL_SERVICE, NETWORK_SERVICE].contains(&server.authentication_id);
        let virtual_account = is_virtual_account(&server.user);
        if server.platform.elevated || account || virtual_account {
            let who = match (account, virtual_account) {
                (true, _) => user(&server.user),
                (_, true) => "A service's virtual account".to_owned(),
                _ => "An elevated process".to_owned(),
            };
            note(&format!(
                "{who} usually holds SeImpersonatePrivilege, which is not taken for granted here, since a service or \
                 a task can be without it: `whoami /priv` tells; with it say privilege=SeImpersonate."
            ));
        }
    }
    if question.said(Side::Token).level == Some(Level::Identification) {
        note(
            "A token is at Identification if its client allows no more, or if LSA made it without a password (S4U) \
             for a caller without SeTcbPrivilege. SeImpersonatePrivilege does not raise it.",
        );
    }
    if server.user == client.user
        && client.platform.origin == server.authentication_id
        && client.authentication_id != server.authentication_id
    {
        note(
            "LogonUser with LOGON32_LOGON_NEW_CREDENTIALS makes such a token: on this machine it is the caller's own \
             user, and a wrong password raises no error. Its name and password are used on the network alone.",
        );
    }
    for (side, token) in [(Side::Process, process), (Side::Token, token)] {
        let facts = &token.facts;
        if matches!(question.said(side).logon, Some(Session::Is(Luid(2..=13)))) {
            note(&format!(
                "{}: logon={} is the id of a logon session. A logon type (2 interactive, 3 network, 9 new credentials) \
                 is something else, which no rule reads.",
                side.option(),
                facts.authentication_id.0
            ));
        }
        let session = ACCOUNTS.iter().find(|account| account.logon == facts.authentication_id);
        if let Some(account) = session.filter(|account| account.user != facts.user) {
            note(&format!(
                "{}: the logon session {} is that of {}. Windows logs no other user on there; NtCreateToken alone makes \
                 such a token.",
                side.option(),
                logon(facts.authentication_id),
                user(&account.user)
            ));
        }
    }
    if client.token_type == TokenType::Primary {
        note(
            "User mode cannot put a primary token on a thread: SetThreadToken refuses it with STATUS_BAD_TOKEN_TYPE, \
             and ImpersonateLoggedOnUser duplicates it at Impersonation first (type=impersonation). Asked here is a \
             driver that passes the token as it is.",
        );
    }
    if client.authentication_id == Luid::ANONYMOUS_LOGON && server.restriction.is_restricted() {
        note(
            "User mode gets the anonymous token by ImpersonateAnonymousToken, which refuses a restricted process with \
             STATUS_ACCESS_DENIED (documented; Windows 10 is reported to allow a write-restricted one). Asked here is \
             a driver.",
        );
    }
    notes
}
