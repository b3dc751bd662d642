//! Peios, through NT's routine names, beyond the catalogue's group P.

mod support;

use psimp_model::{
    AccessMode, AccessRequest, Acl, GenericMapping, Kernel, MandatoryLabel, SecurityDescriptor, SecurityQos,
    SubjectContext, TokenSpec, open_device, privileges, rights,
};
use psimp_nt::{Level, Sid, Status, TokenType, integrity};
use psimp_rules::PEIOS_STRICT;
use support::{A, A5, A6, B, CURRENT_THREAD, DENIED, Machine, X, granting, refs, spec};

const READ: u32 = rights::FILE_READ_DATA;
const WRITE: u32 = rights::FILE_WRITE_DATA;
const NOT_HELD: Status = Status(0xC000_0061);
const INVALID_PARAMETER: Status = Status(0xC000_000D);

fn peios(server: &str) -> Machine {
    Machine::new(Kernel::Peios, server)
}

/// What one call fails with; it changes nothing.
fn refused(m: &Machine, token: &str, level: u32) -> Status {
    let token = m.token(token);
    let before = m.slot();
    let status = m.imp(&token, false, false, level).expect_err("refused");
    assert_eq!((m.slot(), refs(&token)), (before, 0));
    status
}

/// A thread of S that impersonates this token at Anonymous level.
fn anonymous(token: &str) -> Machine {
    let m = peios("S");
    m.imp(&m.token(token), false, false, 0).expect("kept");
    m
}

#[test]
fn everyone_includes_the_anonymous_logon_where_the_system_says_so() {
    let m = anonymous("A2");
    assert_eq!(m.access(&[Sid::EVERYONE]), Err(DENIED));
    m.system.set_everyone_includes_anonymous(true);
    assert_eq!(m.access(&[Sid::EVERYONE]), Ok(READ));
}

#[test]
fn the_anonymous_logon_is_untrusted() {
    let m = anonymous("AH2");
    let medium = granting(&[Sid::ANONYMOUS_LOGON]);
    let label = MandatoryLabel { integrity: integrity::UNTRUSTED, ..MandatoryLabel::default() };
    let untrusted = SecurityDescriptor { label: Some(label), ..medium.clone() };
    assert_eq!(m.open_file(&medium, READ), Ok(READ));
    assert_eq!(m.open_file(&medium, WRITE), Err(DENIED));
    assert_eq!(m.open_file(&untrusted, WRITE), Ok(WRITE));
    assert_eq!(m.open_file(&SecurityDescriptor::new(A, None), READ), Ok(READ), "NULL DACL");
    // Normal evaluation, down to the status of a request for nothing.
    assert_eq!(m.open_file(&medium, 0), Err(DENIED));
}

#[test]
fn the_anonymous_logon_has_no_privileges() {
    let m = peios("SX");
    let ax2 = m.token("AX2");
    m.imp(&ax2, false, false, 0).expect("kept");
    assert!(m.system.se_single_privilege_check(&m.thread, X, AccessMode::Kernel));
    // Directories are not traversed by the client's privilege either.
    assert!(ax2.has_privilege(privileges::CHANGE_NOTIFY));
    let closed = [granting(&[A])];
    let file = granting(&[A, Sid::ANONYMOUS_LOGON]);
    let nested =
        || m.system.ob_open_nested_object(&m.thread, &closed, Some(&file), READ, &GenericMapping::FILE);
    assert_eq!(nested(), Err(DENIED));
    m.imp(&ax2, false, false, 2).expect("kept");
    assert_eq!(nested(), Ok(READ));
    assert_eq!(m.open_file(&SecurityDescriptor::new(B, None), rights::ACCESS_SYSTEM_SECURITY), Err(NOT_HELD));
}

#[test]
fn every_way_to_ask_judges_the_anonymous_logon() {
    let m = anonymous("A2");
    let subject = SubjectContext::capture(&m.system, &m.thread);
    assert_eq!(subject.token().user(), Sid::ANONYMOUS_LOGON);
    assert_eq!(subject.client().map(|(token, level)| (token.user(), level)), Some((A, 0)));
    // As the driver's kernel takes a context apart, and puts it together.
    let client = subject.client().map(|(token, level)| (token.clone(), level));
    let again = SubjectContext::new(&m.system, client, subject.primary().clone());
    for subject in [&subject, &again] {
        assert_eq!(subject.access_check(&Acl::granting(&[A]), READ), Err(DENIED));
        assert_eq!(subject.access_check(&Acl::granting(&[Sid::ANONYMOUS_LOGON]), READ), Ok(()));
        let request = AccessRequest::user(READ, GenericMapping::FILE);
        assert_eq!(subject.se_access_check(Some(&granting(&[A])), &request), Err(DENIED));
        assert_eq!(subject.se_access_check(Some(&granting(&[Sid::ANONYMOUS_LOGON])), &request), Ok(READ));
    }
    // Devices, and tokens.
    let device =
        |granted| open_device(&m.system, &m.thread, &Acl::granting(granted), READ).map(|(access, _)| access);
    assert_eq!((device(&[A]), device(&[Sid::ANONYMOUS_LOGON])), (Err(DENIED), Ok(READ)));
    let own = |granted| {
        let acl = Some(Acl::granting(granted));
        m.process.set_primary(m.system.create_token(TokenSpec { acl, ..spec("S") }));
        m.system.nt_open_process_token(&m.thread, u64::MAX, rights::TOKEN_QUERY).map(drop)
    };
    assert_eq!((own(&[A]), own(&[Sid::ANONYMOUS_LOGON])), (Err(DENIED), Ok(())));
}

#[test]
fn a_client_context_needs_a_copy() {
    let m = peios("S");
    let client = m.system.create_thread(&m.process);
    let take = |tracking| {
        let qos = SecurityQos { tracking, ..SecurityQos::at(Level::Impersonation) };
        let context = m.system.se_create_client_security(&client, &qos, false).expect("a context");
        m.system.se_impersonate_client_ex(&context, &m.thread)
    };
    assert_eq!(take(SecurityQos::STATIC), Ok(()));
    assert_eq!(take(SecurityQos::DYNAMIC), Err(INVALID_PARAMETER), "the client's primary token");
    // A client at Anonymous level is none that can be passed on, as on NT.
    m.imp(&m.token("A2"), false, false, 0).expect("kept");
    let context = m.system.se_create_client_security(&m.thread, &SecurityQos::at(Level::Anonymous), false);
    assert_eq!(context.map(drop), Err(A5));
}

#[test]
fn the_strict_reading_is_an_error() {
    let strict = |server| Machine::with_profile(Kernel::Peios, &PEIOS_STRICT, server);
    assert_eq!(refused(&strict("S"), "B2", 2), NOT_HELD);
    for (server, token, level) in [("S", "A2", 2), ("S+", "B2", 2), ("S", "B2", 0)] {
        let m = strict(server);
        let token = m.token(token);
        m.imp(&token, false, false, level).expect("kept");
        assert_eq!(m.slot(), Some((token.id(), false, false, level)));
    }
}

#[test]
fn what_peios_has_not_is_as_on_windows_10() {
    let m = anonymous("A2");
    assert_eq!((m.open(true).err(), m.open(false).err()), (Some(A6), Some(A6)));
    // Another thread's slot can be set, and a thread impersonated.
    let other = m.system.create_thread(&m.process);
    let target = m.thread_handle(&other, rights::THREAD_ALL_ACCESS);
    let handle = m.handle(&m.token("A2"), rights::TOKEN_IMPERSONATE);
    m.system.nt_set_thread_token(&m.thread, target, handle).expect("set");
    assert_eq!(support::slot_of(&other).map(|slot| slot.3), Some(2));
    let qos = SecurityQos::at(Level::Impersonation);
    m.system.nt_impersonate_thread(&m.thread, CURRENT_THREAD, target, &qos).expect("impersonated");
    assert_eq!(m.slot().map(|slot| slot.3), Some(2));
    assert_eq!(m.open(true).expect("opened").token_type(), TokenType::Impersonation);
}

#[test]
fn the_anonymous_token_passes_the_gates_as_any_other() {
    for (server, level) in [("S", 0), ("S+", 2)] {
        let m = peios(server);
        m.system.nt_impersonate_anonymous_token(&m.thread, CURRENT_THREAD).expect("impersonated");
        assert_eq!(m.slot().map(|slot| slot.3), Some(level), "{server}");
        assert_eq!(m.access(&[Sid::ANONYMOUS_LOGON]), Ok(READ));
        assert_eq!(m.access(&[A]), Err(DENIED));
    }
}
