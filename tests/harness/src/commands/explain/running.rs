//! Tokens of the Windows that runs, as facts of a question.

use crate::cli::{Exit, Running};
use crate::commands::stop::Stop;
use psimp_explain::{Said, Side};
use psimp_nt::{Level, TokenType};
use psimp_windows::information::Information;

/// `SE_IMPERSONATE_PRIVILEGE`.
const IMPERSONATE: u64 = 29;
/// `TokenElevationTypeLimited`.
const LIMITED: u32 = 3;

/// A token that was read.
#[derive(Debug)]
pub(super) struct Read {
    /// Whose it is.
    pub(super) of: String,
    /// Its facts.
    pub(super) said: Said,
    /// Facts that could not be read.
    pub(super) missing: Vec<&'static str>,
}

/// The tokens of a system.
pub(super) trait Tokens {
    /// The primary token of a process, and whose it is.
    fn of_process(&self, id: u32) -> Result<(String, Information), String>;
    /// The token that a thread impersonates, and whose it is.
    fn of_thread(&self, id: u32) -> Result<(String, Information), String>;
    /// The process of a thread.
    fn process_of(&self, thread: u32) -> Result<u32, String>;
}

/// The facts of a running token.
#[cfg(windows)]
pub(super) fn read(side: Side, running: Running) -> Result<Read, Stop> {
    of(&system::System, side, running)
}

#[cfg(not(windows))]
pub(super) fn read(_: Side, _: Running) -> Result<Read, Stop> {
    Err(Stop::unavailable(
        "pid: and tid: read the tokens of a running Windows; here is none. Run psimp.exe there, or say what the token \
         is, as in --token user=B,integrity=high",
    ))
}

#[cfg_attr(not(windows), allow(dead_code))] // tests call it
fn of(tokens: &impl Tokens, side: Side, running: Running) -> Result<Read, Stop> {
    let token = match (side, running) {
        (_, Running::Process(id)) => tokens.of_process(id),
        (Side::Process, Running::Thread(id)) => tokens.process_of(id).and_then(|id| tokens.of_process(id)),
        (Side::Token, Running::Thread(id)) => tokens.of_thread(id),
    };
    let (of, information) = token.map_err(unread)?;
    let (text, missing) = facts(side, &information);
    let said = Said::parse(side, &text).map_err(|refusal| unread(format!("{of}: {refusal}")))?;
    Ok(Read { of, said, missing })
}

#[cfg_attr(not(windows), allow(dead_code))] // tests call it
fn unread(why: String) -> Stop {
    Stop::new(Exit::Failed, why)
}

/// What is said of a token with these properties, and what is not known of it.
#[cfg_attr(not(windows), allow(dead_code))] // tests call it
fn facts(side: Side, token: &Information) -> (String, Vec<&'static str>) {
    let mut facts = vec![format!("user={}", token.user), format!("logon={:#x}", token.authentication_id)];
    let mut missing = Vec::new();
    facts.push(match token.token_type {
        TokenType::Primary => "type=primary".to_owned(),
        TokenType::Impersonation => "type=impersonation".to_owned(),
    });
    match (token.token_type, token.level) {
        // A primary token has none, although some systems return one. What it records is another matter, and of a
        // process no rule reads it.
        (TokenType::Primary, _) if side == Side::Process => {}
        (TokenType::Primary, _) => match Level::from_raw(token.recorded_level) {
            Some(level) => facts.push(format!("recorded={}", level.name())),
            None => missing.push("recorded"),
        },
        (TokenType::Impersonation, Ok(level)) => facts.push(format!("level={}", level.name())),
        (TokenType::Impersonation, Err(_)) => missing.push("level"),
    }
    match (token.restricting.is_empty(), token.write_restricted) {
        (true, _) => facts.push("restricted=no".to_owned()),
        (false, Some(true)) => facts.push("write-restricted".to_owned()),
        (false, Some(false)) => facts.push("restricted".to_owned()),
        (false, None) => {
            facts.push("restricted".to_owned());
            missing.push("write-restricted");
        }
    }
    let privilege = token.privileges.iter().find(|privilege| privilege.luid == IMPERSONATE);
    facts.push(match privilege {
        Some(privilege) if privilege.enabled() => "privilege=SeImpersonate".to_owned(),
        Some(_) => "privilege=disabled".to_owned(),
        None => "privilege=none".to_owned(),
    });
    let mut fact = |name: &'static str, text: Option<String>| match text {
        Some(text) => facts.push(text),
        None => missing.push(name),
    };
    let flag = |name: &str, so: bool| if so { name.to_owned() } else { format!("{name}=no") };
    fact("origin", token.origin.map(|origin| format!("origin={origin:#x}")));
    fact("integrity", token.integrity.map(|rid| format!("integrity={rid:#x}")));
    fact("elevated", token.elevated.map(|elevated| flag("elevated", elevated)));
    fact("filtered", token.elevation_type.map(|elevation| flag("filtered", elevation == LIMITED)));
    fact("session", token.session.map(|session| format!("session={session}")));
    match (token.app_container, token.package) {
        (Some(false), _) => {}
        (_, Some(package)) => facts.push(format!("package={package}")),
        (None | Some(true), None) => missing.push("package"),
    }
    (facts.join(","), missing)
}

#[cfg(windows)]
mod system {
    use super::Tokens;
    use psimp_nt::Status;
    use psimp_windows::information::Information;
    use psimp_windows::snapshot::Snapshot;
    use psimp_windows::{Error, Token, rights, thread, token};
    use std::os::windows::io::AsHandle;

    /// The Windows that runs.
    pub(super) struct System;

    fn unlisted(error: &Error) -> String {
        format!("the processes and threads cannot be listed: {error}")
    }

    impl Tokens for System {
        fn of_process(&self, id: u32) -> Result<(String, Information), String> {
            let listed = Snapshot::take()
                .and_then(|snapshot| snapshot.process(id))
                .map_err(|error| unlisted(&error))?;
            let process = listed.ok_or_else(|| format!("there is no process {id}"))?;
            let of = format!("the token of process {id}, {}", process.name);
            let process = rights::first(rights::QUERY_PROCESS, |access| thread::open_process(id, access));
            let process = process.map_err(|error| format!("{of} cannot be read: {error}"))?;
            let token = Token::of_process(process.as_handle(), token::QUERY);
            let token = token.map_err(|status| format!("{of} does not open: {status}"))?;
            let information = token.information();
            information.map_err(|status| format!("{of} cannot be read: {status}")).map(|told| (of, told))
        }

        fn of_thread(&self, id: u32) -> Result<(String, Information), String> {
            let of = format!("the token that thread {id} impersonates");
            let handle = rights::first(rights::QUERY_THREAD, |access| thread::open(id, access));
            let handle = handle.map_err(|error| format!("{of} cannot be read: {error}"))?;
            // Opened as the process, so that the caller's own impersonation does not matter.
            let token = Token::of_thread(handle.as_handle(), token::QUERY, true).map_err(|status| match status {
                Status::NO_TOKEN => format!(
                    "thread {id} does not impersonate; for the token of its process write pid: with the process's id"
                ),
                Status::CANT_OPEN_ANONYMOUS => format!(
                    "thread {id} impersonates at Anonymous, and no such token opens ({status}); say what it is, with \
                     level=anonymous"
                ),
                status => format!("{of} does not open: {status}"),
            })?;
            let information = token.information();
            information.map_err(|status| format!("{of} cannot be read: {status}")).map(|told| (of, told))
        }

        fn process_of(&self, id: u32) -> Result<u32, String> {
            let listed = Snapshot::take()
                .and_then(|snapshot| snapshot.thread(id))
                .map_err(|error| unlisted(&error))?;
            listed.map(|thread| thread.process).ok_or_else(|| format!("there is no thread {id}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use psimp_explain::{Question, answer};
    use psimp_nt::{Sid, Status};
    use psimp_windows::information::Privilege;

    /// A service, and the filtered token of an administrator that one of its threads impersonates.
    struct Fake;

    fn service() -> Information {
        Information {
            token_id: 0x51,
            authentication_id: 0x3E7,
            token_type: TokenType::Primary,
            level: Err(Status::INVALID_INFO_CLASS),
            recorded_level: 0,
            user: Sid::new(5, &[18]),
            groups: Vec::new(),
            privileges: vec![Privilege { luid: 29, attributes: 3 }, Privilege { luid: 20, attributes: 0 }],
            restricting: Vec::new(),
            write_restricted: Some(false),
            integrity: Some(0x4000),
            session: Some(0),
            elevated: Some(true),
            elevation_type: Some(1),
            origin: Some(0),
            app_container: Some(false),
            package: None,
        }
    }

    fn client() -> Information {
        Information {
            authentication_id: 0x5_A1B2,
            token_type: TokenType::Impersonation,
            level: Ok(Level::Identification),
            user: Sid::new(5, &[21, 1, 2, 3, 1001]),
            privileges: vec![Privilege { luid: 29, attributes: 0 }],
            restricting: vec![Sid::EVERYONE],
            write_restricted: None,
            integrity: None,
            session: Some(2),
            elevated: Some(false),
            elevation_type: Some(3),
            origin: Some(0x3E7),
            app_container: Some(true),
            package: Some(Sid::new(15, &[2, 1, 2, 3, 4, 5, 6, 7])),
            ..service()
        }
    }

    impl Tokens for Fake {
        fn of_process(&self, id: u32) -> Result<(String, Information), String> {
            if id == 640 {
                Ok(("lsass".to_owned(), service()))
            } else {
                Err(format!("there is no process {id}"))
            }
        }

        fn of_thread(&self, id: u32) -> Result<(String, Information), String> {
            if id == 812 { Ok(("a thread".to_owned(), client())) } else { Err("not it".to_owned()) }
        }

        fn process_of(&self, thread: u32) -> Result<u32, String> {
            if thread == 812 { Ok(640) } else { Err("no thread".to_owned()) }
        }
    }

    fn read(side: Side, running: Running) -> Read {
        of(&Fake, side, running).unwrap_or_else(|_| panic!("{running:?} is read"))
    }

    #[test]
    fn every_fact_is_read() {
        let process = read(Side::Process, Running::Process(640));
        assert_eq!(
            process.said.to_string(),
            "user=SYSTEM,logon=system,type=primary,restricted=no,privilege=SeImpersonate,origin=0x0,\
             integrity=system,elevated,filtered=no,session=0"
        );
        assert_eq!(process.missing, [""; 0]);
        let of_token = read(Side::Token, Running::Process(640)).said.to_string();
        assert!(of_token.contains(",type=primary,recorded=anonymous,"), "{of_token}");
        let token = read(Side::Token, Running::Thread(812));
        assert_eq!(
            token.said.to_string(),
            "user=S-1-5-21-1-2-3-1001,logon=0x5a1b2,type=impersonation,level=identification,restricted,\
             privilege=disabled,origin=system,elevated=no,filtered,package=S-1-15-2-1-2-3-4-5-6-7,session=2"
        );
        assert_eq!(token.missing, ["write-restricted", "integrity"]);
        let other = Information { app_container: None, package: None, elevation_type: None, ..client() };
        assert_eq!(facts(Side::Token, &other).1, ["write-restricted", "integrity", "filtered", "package"]);
    }

    #[test]
    fn a_thread_has_two_tokens() {
        assert_eq!(
            read(Side::Process, Running::Thread(812)).said,
            read(Side::Process, Running::Process(640)).said
        );
        assert_ne!(
            read(Side::Token, Running::Thread(812)).said,
            read(Side::Token, Running::Process(640)).said
        );
        assert!(of(&Fake, Side::Process, Running::Process(3)).is_err());
    }

    /// As `--token pid:640,type=impersonation` asks: what `ImpersonateLoggedOnUser` makes of a process's token.
    #[test]
    fn what_is_said_takes_the_place_of_what_was_read() {
        let over = |said: &str| {
            let said = Said::parse(Side::Token, said).expect("facts");
            let read = read(Side::Token, Running::Process(640)).said;
            Question::new(Said::default(), said.over_read(&read), None).expect("tokens that can be").command()
        };
        assert_eq!(
            over("type=impersonation"),
            "psimp explain --token \"user=SYSTEM,logon=system,type=impersonation,restricted=no,privilege=SeImpersonate,\
             origin=0x0,integrity=system,elevated,filtered=no,session=0\""
        );
        assert!(over("write-restricted").contains(",write-restricted,"));
    }

    #[test]
    fn what_is_read_is_answered() {
        let (process, token) =
            (read(Side::Process, Running::Process(640)), read(Side::Token, Running::Thread(812)));
        let question = Question::new(process.said, token.said, None).expect("tokens that can be");
        assert_eq!(
            answer(&question).first_line(),
            "Windows 10 and 11: kept at Identification, since Identification is below Impersonation, where no rule \
             objects. With a token at Impersonation: kept."
        );
    }

    /// Tokens of the model, read by the calls of a rehearsal: what Wine's tokens do not have among them.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn tokens_of_a_rehearsal_are_read_and_answered() {
        use psimp_rehearsal::token::{ALL_ACCESS, Filter, QUERY};
        use psimp_rehearsal::{Rehearsal, Token, thread};

        struct Rehearsed;

        impl Tokens for Rehearsed {
            fn of_process(&self, _: u32) -> Result<(String, Information), String> {
                let token = Token::of_process(thread::current_process(), QUERY);
                let told = token.and_then(|token| token.information());
                told.map(|told| ("the process".to_owned(), told)).map_err(|status| status.to_string())
            }

            fn of_thread(&self, _: u32) -> Result<(String, Information), String> {
                let token = Token::of_thread(thread::current(), QUERY, true);
                let told = token.and_then(|token| token.information());
                told.map(|told| ("the thread".to_owned(), told)).map_err(|status| status.to_string())
            }

            fn process_of(&self, thread: u32) -> Result<u32, String> {
                Ok(thread)
            }
        }

        let rehearsal =
            Rehearsal::start(psimp_rules::Kernel::Win10, None, std::collections::BTreeMap::new(), |_| 0)
                .expect("a machine");
        let (process, token, line) = rehearsal.run(|| {
            let own = Token::of_process(thread::current_process(), ALL_ACCESS).expect("its own token");
            let filter = Filter { restricting: &[Sid::EVERYONE], ..Filter::default() };
            let restricted = own.filter(&filter).expect("a restricted token");
            restricted.set_privilege(29, false).expect("it has the privilege");
            restricted.set_integrity(0x1000).expect("low integrity");
            let client =
                restricted.duplicate(ALL_ACCESS, TokenType::Impersonation, 2, false).expect("a client");
            thread::set_token(thread::current(), Some(&client)).expect("an impersonation");
            let read =
                |side, running| of(&Rehearsed, side, running).unwrap_or_else(|_| panic!("{running:?}"));
            let (process, token) =
                (read(Side::Process, Running::Process(1)), read(Side::Token, Running::Thread(1)));
            thread::set_token(thread::current(), None).expect("an end");
            assert_eq!((&process.missing, &token.missing), (&vec![], &vec![]));
            let texts = (process.said.to_string(), token.said.to_string());
            let question = Question::new(process.said, token.said, None).expect("tokens that can be");
            (texts.0, texts.1, answer(&question).first_line())
        });
        assert_eq!(
            process,
            "user=A,logon=0xa1,type=primary,restricted=no,privilege=SeImpersonate,origin=system,integrity=high,elevated,\
             filtered=no,session=1"
        );
        assert_eq!(
            token,
            "user=A,logon=0xa1,type=impersonation,level=impersonation,restricted,privilege=disabled,origin=system,\
             integrity=low,elevated,filtered=no,session=1"
        );
        assert_eq!(
            line,
            "Windows 10 and 11: kept at Impersonation, since the process holds SeImpersonatePrivilege, enabled. Without \
             SeImpersonatePrivilege and with a token of another user: a copy at Identification."
        );
        assert_eq!(rehearsal.end(), [""; 0]);
    }
}
