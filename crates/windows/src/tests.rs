//! Calls of a running Windows, or of Wine, where `cargo xtask test` makes them.

use crate::object::{Descriptor, Event};
use crate::rights::ALL_OF_A_THREAD;
use crate::snapshot::Snapshot;
use crate::token::{ALL_ACCESS, QUERY, Token};
use crate::{handle, machine, object, pipe, process, sid, thread};
use psimp_model::SecurityQos;
use psimp_nt::{Sid, Status, TokenType};
use std::io::{Read as _, Write as _};
use std::os::windows::io::AsHandle as _;

fn own() -> Token {
    Token::of_process(thread::current_process(), ALL_ACCESS).expect("the process's token")
}

#[test]
fn accounts_have_names_and_unknown_ones_none() {
    let told = own().information().expect("properties");
    assert!(sid::account_name(&told.user).is_ok_and(|name| name.is_some()), "{}", told.user);
    assert_eq!(sid::account_name(&Sid::new(5, &[21, 9, 9, 9, 9])), Ok(None));
}

#[test]
fn an_object_opens_with_its_descriptor() {
    let user = own().information().expect("properties").user;
    for descriptor in [Descriptor::granting(&user, &[user]), Descriptor::null_dacl(&user)] {
        let event = Event::create(&user, &descriptor.expect("a descriptor")).expect("an object");
        event.open(1).expect("the owner may open it");
    }
    let nobody = Descriptor::granting(&user, &[]).expect("a descriptor");
    let event = Event::create(&user, &nobody).expect("an object");
    assert_eq!(event.open(1).map(drop), Err(Status::ACCESS_DENIED));
}

#[test]
fn a_token_is_set_as_a_handle_of_eight_bytes() {
    let copy = own().duplicate(ALL_ACCESS, TokenType::Impersonation, 2, false).expect("a copy");
    thread::set_token(thread::current(), Some(&copy)).expect("it is set");
    let seen = Token::of_thread(thread::current(), QUERY, true).and_then(|token| token.information());
    thread::set_token(thread::current(), None).expect("it is taken away");
    let copy = copy.information().expect("properties");
    assert_eq!(seen.map(|seen| (seen.user, seen.token_type)), Ok((copy.user, TokenType::Impersonation)));
    let longer = own();
    assert_eq!(thread::set_token_of_length(thread::current(), &longer, 9), Err(Status::INVALID_PARAMETER));
}

#[test]
fn errors_name_what_they_are_about() {
    // Ids are multiples of four.
    let error = thread::open(3, ALL_OF_A_THREAD).expect_err("no thread");
    assert!(error.to_string().starts_with("OpenThread of thread 3: error 87, "), "{error}");
    let error = thread::open_process(3, 0x400).expect_err("no process");
    assert!(error.to_string().starts_with("OpenProcess of process 3: error 87, "), "{error}");
}

#[test]
fn the_end_of_a_list_is_no_error() {
    let snapshot = Snapshot::take().expect("a snapshot");
    assert_eq!(snapshot.process(3), Ok(None));
    let own = snapshot.process(std::process::id()).expect("a list").expect("this process");
    assert!(snapshot.threads(own.id).expect("a list").iter().any(|thread| thread.id == thread::current_id()));
    let thread = snapshot.thread(thread::current_id()).expect("a list").expect("this thread");
    assert_eq!(thread.process, own.id);
    assert_eq!(snapshot.thread(3), Ok(None));
}

#[test]
fn a_process_is_known_by_its_start() {
    let started = process::this_started().expect("a time");
    assert_eq!(process::started(std::process::id()), Ok(Some(started)));
    assert_eq!(process::started(3), Ok(None));
}

#[test]
fn the_version_is_in_the_registry() {
    let build = machine::version_text("CurrentBuildNumber").expect("a build");
    assert!(build.parse::<u32>().is_ok_and(|build| build > 0), "{build}");
    let error = machine::version_number("psimp has no such value").expect_err("no value");
    assert!(error.to_string().starts_with("RegGetValueW of psimp has no such value: error 2, "), "{error}");
    // A text is no number.
    assert!(machine::version_number("CurrentBuildNumber").is_err());
    assert!(machine::hypervisor_enforced_integrity().is_ok());
}

#[test]
fn an_object_opens_by_its_path_too() {
    let user = own().information().expect("properties").user;
    let all = || Descriptor::granting(&user, &[user]).expect("a descriptor");
    let event = Event::create(&user, &all()).expect("an object");
    object::open(event.path(), 1).expect("by its path");
    let path = event.path().to_owned();
    drop(event);
    assert!(object::open(&path, 1).is_err(), "{path} is still there");
    let nested = Event::create_in(&all(), &all()).expect("an object in a directory with this descriptor");
    object::open(nested.path(), 1).expect("by its path");
}

#[test]
fn a_handle_tells_what_it_grants() {
    let thread = thread::open(thread::current_id(), 0x180).expect("a handle of this thread");
    assert_eq!(handle::granted(thread.as_handle()), Ok(0x180));
    let given = process::give(thread::current_process(), thread.as_handle()).expect("another handle");
    let given = thread::given(given).expect("a handle of this process");
    assert_eq!(handle::granted(given.as_handle()), Ok(0x180));
}

#[test]
fn a_pipe_opens_by_its_name() {
    let pipe = pipe::Pipe::create().expect("a pipe");
    let quality = SecurityQos { level: 1, tracking: SecurityQos::STATIC, effective_only: false };
    let mut client = pipe::connect(&pipe.name(), &quality).expect("its client");
    client.write_all(&[7]).expect("a byte");
    let mut byte = [0];
    pipe.server().read_exact(&mut byte).expect("the byte");
    assert_eq!(byte, [7]);
    assert!(pipe::connect(r"\??\pipe\psimp-none", &quality).is_err());
}

#[test]
fn a_copy_has_its_tokens_origin() {
    let own = own();
    let copy = own.duplicate(ALL_ACCESS, TokenType::Impersonation, 1, false).expect("a copy");
    let (own, copy) = (own.origin().expect("its origin"), copy.origin().expect("its origin"));
    assert_eq!((own.source, own.authentication_id), (copy.source, copy.authentication_id));
    assert_eq!((own.session, own.origin), (copy.session, copy.origin));
}
