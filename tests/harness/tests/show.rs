//! The table of `psimp show`, and its JSON.

mod support;

use psimp_harness::show::table::table;
use psimp_harness::show::view::{Account, Group, Integrity, Privilege, Process, Thread, Token, Unseen, View};
use psimp_nt::Status;
use serde_json::json;
use support::compare;

fn account(sid: &str, name: &str) -> Account {
    Account { sid: sid.to_owned(), name: (!name.is_empty()).then(|| name.to_owned()) }
}

fn token(user: Account, level: Option<&'static str>) -> Token {
    Token {
        token_type: if level.is_some() { "impersonation" } else { "primary" },
        level,
        user,
        token_id: "0x1f2e3".to_owned(),
        logon_id: "0x3e7".to_owned(),
        integrity: Some(Integrity::from(0x4000)),
        session: Some(0),
        elevated: Some(true),
        restricted: false,
        restricting: Vec::new(),
        flags: Vec::new(),
        groups: None,
        privileges: None,
    }
}

fn thread(tid: u32) -> Thread {
    Thread { tid, impersonating: None, level: None, token: None, error: None }
}

fn unseen(failed: &'static str, status: &str) -> Unseen {
    Unseen { failed, status: status.to_owned() }
}

/// A process with threads of every kind.
fn view() -> View {
    let system = account("S-1-5-18", r"NT AUTHORITY\SYSTEM");
    let alice = account("S-1-5-21-1-2-3-1001", r"HOST\alice");
    let of_alice = Token {
        logon_id: "0x5a1b2".to_owned(),
        integrity: Some(Integrity::from(0x2000)),
        session: Some(1),
        elevated: Some(false),
        restricted: true,
        restricting: vec![account("S-1-1-0", "Everyone")],
        flags: vec!["filtered"],
        ..token(alice, Some("Impersonation"))
    };
    let nameless = Token {
        integrity: None,
        session: None,
        elevated: None,
        ..token(account("S-1-5-21-9-9-9-9", ""), Some("Identification"))
    };
    View {
        process: Process {
            pid: 640,
            name: "lsass.exe".to_owned(),
            token: Some(token(system, None)),
            error: None,
        },
        threads: vec![
            Thread { impersonating: Some(false), ..thread(644) },
            Thread {
                impersonating: Some(true),
                level: Some("Impersonation"),
                token: Some(of_alice),
                ..thread(648)
            },
            Thread {
                impersonating: Some(true),
                level: Some("Identification"),
                token: Some(nameless),
                ..thread(652)
            },
            Thread {
                impersonating: Some(true),
                level: Some("Anonymous"),
                error: Some(unseen("opening the token", "STATUS_CANT_OPEN_ANONYMOUS")),
                ..thread(656)
            },
            Thread { error: Some(unseen("opening the thread", "ERROR_ACCESS_DENIED")), ..thread(10660) },
            Thread {
                impersonating: Some(true),
                error: Some(unseen("reading the token", "STATUS_ACCESS_DENIED")),
                ..thread(664)
            },
        ],
    }
}

/// The status of the open determines what is shown of the thread.
#[test]
fn a_thread_is_what_the_open_of_its_token_says() {
    let of = |opened| {
        let seen = Thread::of_open(4, opened);
        (seen.impersonating, seen.level, seen.token.is_some(), seen.error.map(|error| error.failed))
    };
    let alice = token(account("S-1-5-21-1", "alice"), Some("Identification"));
    assert_eq!(of(Ok(Ok(alice))), (Some(true), Some("Identification"), true, None));
    assert_eq!(of(Ok(Err(Status::ACCESS_DENIED))), (Some(true), None, false, Some("reading the token")));
    assert_eq!(of(Err(Status::NO_TOKEN)), (Some(false), None, false, None));
    assert_eq!(
        of(Err(Status::CANT_OPEN_ANONYMOUS)),
        (Some(true), Some("Anonymous"), false, Some("opening the token"))
    );
    assert_eq!(of(Err(Status::ACCESS_DENIED)), (None, None, false, Some("opening the token")));
}

#[test]
fn the_table_has_a_row_for_every_thread() {
    compare("tests/golden/show.txt", table(&view()));
}

#[test]
fn groups_and_privileges_are_shown_on_request() {
    let mut view = view();
    view.threads.clear();
    let token = view.process.token.as_mut().expect("a token");
    let group = |sid, name, attributes| Group {
        account: account(sid, name),
        enabled: attributes & 4 != 0,
        deny_only: attributes & 0x10 != 0,
        attributes,
    };
    token.groups = Some(vec![
        group("S-1-5-32-544", r"BUILTIN\Administrators", 0x10),
        group("S-1-1-0", "Everyone", 7),
        group("S-1-5-21-1-2-3-2001", "", 0),
    ]);
    token.privileges = Some(vec![
        Privilege { name: "SeImpersonatePrivilege".to_owned(), enabled: true },
        Privilege { name: "SeDebugPrivilege".to_owned(), enabled: false },
    ]);
    compare("tests/golden/show-groups.txt", table(&view));
}

#[test]
fn a_process_that_does_not_open_is_told_in_its_row() {
    let mut view = view();
    view.threads.truncate(1);
    view.process.token = None;
    view.process.error = Some(unseen("opening the process", "ERROR_ACCESS_DENIED"));
    assert_eq!(
        table(&view),
        "lsass.exe, process 640\n\n           token  level  user  logon id  integrity  session  flags\n  \
         process  opening the process fails: ERROR_ACCESS_DENIED\n  644      does not impersonate\n"
    );
}

#[test]
fn json_has_the_same_keys_for_every_thread() {
    let object = serde_json::to_value(view()).expect("JSON");
    assert_eq!(object["process"]["pid"], 640);
    assert_eq!(object["process"]["token"]["type"], "primary");
    assert_eq!(object["process"]["token"]["level"], json!(null));
    assert_eq!(object["process"]["token"]["integrity"], json!({"name": "System", "rid": 0x4000}));
    assert!(object["process"]["token"].get("groups").is_none());
    let threads = object["threads"].as_array().expect("threads");
    assert_eq!(
        threads[0],
        json!({"tid": 644, "impersonating": false, "level": null, "token": null, "error": null})
    );
    assert_eq!(
        threads[3],
        json!({
            "tid": 656,
            "impersonating": true,
            "level": "Anonymous",
            "token": null,
            "error": {"failed": "opening the token", "status": "STATUS_CANT_OPEN_ANONYMOUS"},
        })
    );
    assert_eq!(threads[1]["token"]["user"], json!({"sid": "S-1-5-21-1-2-3-1001", "name": r"HOST\alice"}));
}

#[test]
fn integrity_levels_have_the_name_of_the_next_lower_one() {
    for (rid, name) in [
        (0, "Untrusted"),
        (0x1000, "Low"),
        (0x1FFF, "Low"),
        (0x2000, "Medium"),
        (0x2100, "Medium Plus"),
        (0x3000, "High"),
        (0x4000, "System"),
        (0x5000, "Protected"),
    ] {
        assert_eq!(Integrity::from(rid).name, name);
    }
}
