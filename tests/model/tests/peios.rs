//! Group P, as far as the profile reaches: P03, P05, P06 and P08 need what no
//! knob can say.

mod support;

use psimp_model::{Flavour, PEIOS, PEIOS_STRICT, rights};
use psimp_protocol::Status;
use support::{A5, Machine, refs};

fn peios(server: &str) -> Machine {
    Machine::with_profile(Flavour::Win10, &PEIOS, server)
}

fn stored(server: &str, token: &str) -> (bool, u32) {
    let m = peios(server);
    let token = m.token(token);
    m.imp(&token, false, false, 2).expect("success");
    let (id, _, _, level) = m.slot().expect("a slot");
    (id == token.id(), level)
}

#[test]
fn p01_p02_p04_the_identity_gate() {
    assert_eq!(stored("S", "B2"), (false, 1), "P01");
    assert_eq!(stored("S+", "B2"), (true, 2), "P02");
    assert_eq!(stored("S", "A2"), (true, 2), "P04");
    // There is no rule for logons from the own session.
    assert_eq!(stored("S", "Bo2"), (false, 1));
    assert_eq!(stored("S", "AH2"), (false, 1), "the ceiling, without the privilege");
}

#[test]
fn p07_identification_opens_nothing() {
    let m = peios("S");
    m.imp(&m.token("B2"), false, false, 2).expect("capped");
    assert_eq!(m.access(&[psimp_rules::Sid::EVERYONE]), Err(A5));
}

#[test]
fn p09_a_second_impersonation_replaces_the_first() {
    let m = peios("S");
    let (privileged, b2) = (m.token("A+2"), m.token("B2"));
    m.imp(&privileged, false, false, 2).expect("kept");
    m.imp(&b2, false, false, 2).expect("capped");
    assert_eq!((m.slot().map(|slot| slot.3), refs(&privileged)), (Some(1), 0));
}

#[test]
fn p10_closing_the_source_handle_ends_nothing() {
    let m = peios("S");
    let handle = m.handle(&m.token("A2"), rights::TOKEN_IMPERSONATE);
    m.system.nt_set_thread_token(&m.thread, support::CURRENT_THREAD, handle).expect("set");
    m.system.nt_close(&m.thread, handle).expect("closed");
    assert_eq!(m.access(&[support::A]), Ok(rights::FILE_READ_DATA));
}

#[test]
fn p11_the_seeds_reading_is_an_error() {
    let m = Machine::with_profile(Flavour::Win10, &PEIOS_STRICT, "S");
    let b2 = m.token("B2");
    assert_eq!(m.imp(&b2, false, false, 2), Err(Status::PRIVILEGE_NOT_HELD));
    assert_eq!((m.slot(), refs(&b2)), (None, 0));
}
