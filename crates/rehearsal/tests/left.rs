//! What a machine says at its end.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use psimp_rehearsal::random::Password;
use psimp_rehearsal::{Rehearsal, Token, account, logon, object, process, thread};
use psimp_rules::Kernel;
use std::collections::BTreeMap;
use std::mem::forget;

const QUERY: u32 = 0x8;

#[test]
fn what_is_left_is_named() {
    let rehearsal = Rehearsal::start(Kernel::Win10, None, BTreeMap::new(), |_| 0).expect("it starts");
    rehearsal.run(|| {
        let password = Password::new().expect("random");
        account::create("psimp-left", "", &password).expect("created");
        let other = account::Account::find("psimp-left").expect("found").expect("there");
        account::join_users(&other.sid).expect("a member");
        forget(logon::local("psimp-left", &password, logon::Kind::Interactive).expect("logged on"));
        forget(Token::of_process(thread::current_process(), QUERY).expect("opened"));
        forget(process::Program::start("any", &[]).expect("started"));
        thread::impersonate_self(2).expect("impersonates");
    });
    assert_eq!(
        rehearsal.end(),
        [
            "3 handles of the harness",
            "2 tokens of the harness's logon session",
            "an impersonation of the harness's thread",
            "1 tokens of the logon session 0xb00",
            "the account psimp-left",
        ]
    );
}

#[test]
fn nothing_is_left_by_nothing() {
    let rehearsal = Rehearsal::start(Kernel::Win10, None, BTreeMap::new(), |_| 0).expect("it starts");
    assert_eq!(rehearsal.end(), [""; 0]);
}

/// What a fault of the harness would be: these calls on a thread that impersonates.
#[test]
fn a_client_below_impersonation_makes_no_object() {
    let rehearsal = Rehearsal::start(Kernel::Win10, None, BTreeMap::new(), |_| 0).expect("it starts");
    rehearsal.run(|| {
        let own = Token::of_process(thread::current_process(), QUERY).expect("opened");
        let user = own.information().expect("told").user;
        let descriptor = object::Descriptor::null_dacl(&user).expect("made");
        thread::impersonate_self(1).expect("impersonates");
        let refused = object::Event::create(&user, &descriptor).map(drop);
        let refused = refused.expect_err("below Impersonation").to_string();
        assert_eq!(refused, "NtCreateDirectoryObject: STATUS_BAD_IMPERSONATION_LEVEL");
        let refused = process::started(process::id()).expect_err("below Impersonation").to_string();
        assert_eq!(refused, format!("OpenProcess of process {}: error 1346", process::id()));
        thread::set_token(thread::current(), None).expect("reverts");
    });
    assert_eq!(rehearsal.end(), [""; 0]);
}

/// What another account's token may not open on a thread of the harness.
#[test]
fn another_user_opens_no_thread_and_no_process_of_the_harness() {
    let rehearsal = Rehearsal::start(Kernel::Win10, None, BTreeMap::new(), |_| 0).expect("it starts");
    rehearsal.run(|| {
        let password = Password::new().expect("random");
        account::create("psimp-other", "", &password).expect("created");
        let other = account::Account::find("psimp-other").expect("found").expect("there");
        account::join_users(&other.sid).expect("a member");
        let token = logon::local("psimp-other", &password, logon::Kind::Network).expect("logged on");
        account::delete("psimp-other").expect("deleted");
        let (id, wait) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            id.send(thread::current_id()).expect("sent");
            let _ = ended.recv();
        });
        let id = wait.recv().expect("an id");
        thread::open(id, 0x1F_FFFF).expect("its own");
        thread::set_token(thread::current(), Some(&token)).expect("impersonates");
        let refused = |opened: Result<_, psimp_rehearsal::Error>| {
            opened.map(drop).expect_err("another user").to_string()
        };
        assert_eq!(refused(thread::open(id, 0x40)), format!("OpenThread of thread {id}: error 5"));
        assert_eq!(
            process::started(process::id()).expect_err("another user").to_string(),
            format!("OpenProcess of process {}: error 5", process::id())
        );
        thread::set_token(thread::current(), None).expect("reverts");
        drop(end);
        thread.join().expect("it ends");
    });
    assert_eq!(rehearsal.end(), [""; 0]);
}
