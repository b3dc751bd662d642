//! Reading a process and its threads from this Windows.

use super::view::{Account, Group, Integrity, Privilege, Process, Thread, Token, Unseen, View, type_name};
use crate::cli::ShowArgs;
use psimp_nt::{Level, Sid, Status, TokenType};
use psimp_windows::error::Code;
use psimp_windows::snapshot::Snapshot;
use psimp_windows::{Error, rights, sid, thread, token};
use std::os::windows::io::AsHandle;

/// Reads the process; `Err` is a sentence.
pub(crate) fn view(args: &ShowArgs) -> Result<View, String> {
    let pid = args.thread.pid;
    let snapshot = Snapshot::take().map_err(|error| format!("the processes cannot be listed: {error}"))?;
    let unlisted = |error| format!("the processes cannot be listed: {error}");
    let process = snapshot.process(pid).map_err(unlisted)?;
    let process = process.ok_or_else(|| format!("there is no process {pid}"))?;
    let mut threads = snapshot.threads(pid).map_err(unlisted)?;
    if let Some(tid) = args.thread.tid {
        threads.retain(|thread| thread.id == tid);
        if threads.is_empty() {
            return Err(format!("process {pid} has no thread {tid}"));
        }
    }
    let (token, error) = split(of_process(args, pid));
    Ok(View {
        process: Process { pid, name: process.name, token, error },
        threads: threads.iter().map(|thread| of_thread(args, thread.id)).collect(),
    })
}

fn split<T>(seen: Result<T, Unseen>) -> (Option<T>, Option<Unseen>) {
    match seen {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    }
}

fn of_process(args: &ShowArgs, pid: u32) -> Result<Token, Unseen> {
    let process = rights::first(rights::QUERY_PROCESS, |access| thread::open_process(pid, access));
    let process = process.map_err(|error| unseen("opening the process", &error))?;
    let token = token::Token::of_process(process.as_handle(), token::QUERY);
    let token = token.map_err(Unseen::opening)?;
    describe(args, &token).map_err(Unseen::reading)
}

fn of_thread(args: &ShowArgs, tid: u32) -> Thread {
    let handle = match rights::first(rights::QUERY_THREAD, |access| thread::open(tid, access)) {
        Ok(handle) => handle,
        Err(error) => return Thread::unseen(tid, unseen("opening the thread", &error)),
    };
    // Opened as the process, so that the caller's own impersonation does not matter.
    let opened = token::Token::of_thread(handle.as_handle(), token::QUERY, true);
    Thread::of_open(tid, opened.map(|token| describe(args, &token)))
}

fn unseen(failed: &'static str, error: &Error) -> Unseen {
    let status = match error.code {
        Code::Status(status) => status.to_string(),
        Code::Win32(5) => "ERROR_ACCESS_DENIED".to_owned(),
        // Both calls return it for an id without a thread or process.
        Code::Win32(87) => "ERROR_INVALID_PARAMETER".to_owned(),
        Code::Win32(code) => format!("error {code}"),
    };
    Unseen { failed, status }
}

fn describe(args: &ShowArgs, token: &token::Token) -> Result<Token, Status> {
    let told = token.information()?;
    // Some systems return a level for primary tokens too, which has no meaning.
    let level = match told.token_type {
        TokenType::Primary => None,
        TokenType::Impersonation => Some(told.level?),
    };
    let groups = || {
        told.groups.iter().map(|group| Group {
            account: account(&group.sid),
            enabled: group.enabled(),
            deny_only: group.deny_only(),
            attributes: group.attributes,
        })
    };
    let privileges = || {
        told.privileges.iter().map(|privilege| Privilege {
            name: sid::privilege_name(privilege.luid).unwrap_or_else(|| format!("{:#x}", privilege.luid)),
            enabled: privilege.enabled(),
        })
    };
    Ok(Token {
        token_type: type_name(told.token_type),
        level: level.map(Level::name),
        user: account(&told.user),
        token_id: format!("{:#x}", told.token_id),
        logon_id: format!("{:#x}", told.authentication_id),
        integrity: told.integrity.map(Integrity::from),
        session: told.session,
        elevated: told.elevated,
        restricted: !told.restricting.is_empty(),
        restricting: told.restricting.iter().map(account).collect(),
        flags: token.flags()?,
        groups: args.groups.then(|| groups().collect()),
        privileges: args.privileges.then(|| privileges().collect()),
    })
}

fn account(sid: &Sid) -> Account {
    // Without a name, also where none can be looked up, an account is shown by its SID.
    Account { sid: sid.to_string(), name: sid::account_name(sid).ok().flatten() }
}
