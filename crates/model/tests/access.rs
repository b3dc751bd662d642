//! Group A: access and privilege checks.

mod support;

use psimp_model::{
    AccessChecked, AccessMode, AccessRequest, Ace, Acl, GenericMapping, Kernel, Object, SecurityDescriptor,
    SubjectContext, privileges, rights, sids,
};
use psimp_nt::{Sid, Status};
use support::{A, A5, B, DENIED, LOGON_B, Machine, X};

const READ: u32 = rights::FILE_READ_DATA;
const WRITE: u32 = rights::FILE_WRITE_DATA;

fn granting(granted: &[Sid]) -> SecurityDescriptor {
    SecurityDescriptor::new(sids::LOCAL_SYSTEM, Some(Acl::granting(granted)))
}

fn open(m: &Machine, descriptor: Option<&SecurityDescriptor>) -> Result<u32, Status> {
    m.system.ob_open_object(&m.thread, descriptor, READ, &GenericMapping::FILE)
}

fn check(m: &Machine, descriptor: &SecurityDescriptor, desired: u32) -> Result<u32, Status> {
    let request = AccessRequest::user(desired, GenericMapping::FILE);
    SubjectContext::capture(&m.system, &m.thread).se_access_check(Some(descriptor), &request)
}

/// A thread of S+ that impersonates this token.
fn as_client(kernel: Kernel, token: &str, level: u32) -> Machine {
    let m = Machine::new(kernel, "S+");
    m.imp(&m.token(token), false, false, level).expect("stored");
    m
}

#[test]
fn a01_a02_a03_a04_below_impersonation_the_dacl_is_not_read() {
    for &kernel in Kernel::NT {
        for level in [0, 1] {
            let m = as_client(kernel, "A2", level);
            assert_eq!(open(&m, Some(&granting(&[Sid::EVERYONE]))), Err(A5));
            assert_eq!(open(&m, Some(&SecurityDescriptor::new(A, None))), Err(A5), "NULL DACL");
            assert_eq!(open(&m, None), Ok(READ), "no security at all");
        }
    }
}

#[test]
fn a05_a06_at_impersonation_the_client_is_judged() {
    for kernel in [Kernel::Win10, Kernel::Nt52] {
        let m = as_client(kernel, "B2", 2);
        assert_eq!(open(&m, Some(&granting(&[A]))), Err(DENIED));
        assert_eq!(open(&m, Some(&granting(&[B]))), Ok(READ));
    }
}

#[test]
fn a07_restricting_sids_are_a_second_pass() {
    let m = as_client(Kernel::Win10, "AR2", 2);
    assert_eq!(check(&m, &granting(&[A]), READ), Err(DENIED));
    assert_eq!(check(&m, &granting(&[A, sids::RESTRICTED]), READ), Ok(READ));
    assert_eq!(check(&m, &granting(&[sids::RESTRICTED]), READ), Err(DENIED), "the first pass counts too");
    assert_eq!(check(&m, &SecurityDescriptor::new(B, None), READ), Ok(READ), "NULL DACL");
    // Owner rights need both passes as well.
    assert_eq!(check(&m, &SecurityDescriptor::new(A, Some(Acl::default())), rights::WRITE_DAC), Err(DENIED));
}

#[test]
fn a07_write_restricted_tokens_are_bound_in_writing_only() {
    let m = as_client(Kernel::Win10, "AW2", 2);
    let a_only = granting(&[A]);
    assert_eq!(check(&m, &a_only, READ), Ok(READ));
    assert_eq!(check(&m, &a_only, WRITE), Err(DENIED));
    assert_eq!(check(&m, &a_only, rights::WRITE_DAC), Err(DENIED));
    assert_eq!(check(&m, &a_only, READ | WRITE), Err(DENIED));
    assert_eq!(check(&m, &granting(&[A, sids::RESTRICTED]), READ | WRITE), Ok(READ | WRITE));
}

#[test]
fn a08_the_anonymous_logon_is_everyone_only_where_its_token_says_so() {
    for kernel in [Kernel::Win10, Kernel::Nt52] {
        let m = as_client(kernel, "N2", 2);
        assert_eq!(open(&m, Some(&granting(&[Sid::EVERYONE]))), Err(DENIED));
        assert_eq!(open(&m, Some(&granting(&[Sid::ANONYMOUS_LOGON]))), Ok(READ));
    }
}

#[test]
fn a09_a10_kernel_mode_and_no_access_at_all() {
    for &kernel in Kernel::ALL {
        let m = as_client(kernel, "A2", 1);
        let subject = SubjectContext::capture(&m.system, &m.thread);
        let nobody = SecurityDescriptor::new(sids::LOCAL_SYSTEM, Some(Acl::default()));
        let kernel =
            AccessRequest { mode: AccessMode::Kernel, ..AccessRequest::user(READ, GenericMapping::FILE) };
        assert_eq!(subject.se_access_check(Some(&nobody), &kernel), Ok(READ));
        assert_eq!(check(&m, &granting(&[Sid::EVERYONE]), 0), Err(A5), "the level comes first");
        m.imp(&m.token("A2"), false, false, 2).expect("kept");
        assert_eq!(check(&m, &granting(&[Sid::EVERYONE]), 0), Err(DENIED));
        let before =
            AccessRequest { previously_granted: READ, ..AccessRequest::user(0, GenericMapping::FILE) };
        let subject = SubjectContext::capture(&m.system, &m.thread);
        assert_eq!(subject.se_access_check(Some(&nobody), &before), Ok(READ));
        assert_eq!(subject.se_access_check(None, &before), Err(DENIED), "no descriptor");
    }
}

#[test]
fn a11_a12_a13_privileges_are_the_clients() {
    for kernel in [Kernel::Win10, Kernel::Nt52] {
        let held = |server: &str, token: &str, level| {
            let m = Machine::new(kernel, server);
            m.imp(&m.token(token), false, false, level).expect("stored");
            m.system.se_single_privilege_check(&m.thread, X, AccessMode::User)
        };
        assert!(!held("S+X", "A2", 1), "A11");
        assert!(!held("S+X", "AX2", 1), "A11, and the client holds it too");
        assert!(!held("S+X", "B2", 2), "A12");
        assert!(held("S+", "BX2", 2), "A13");
        let idle = Machine::new(kernel, "SX");
        assert!(idle.system.se_single_privilege_check(&idle.thread, X, AccessMode::User));
    }
}

#[test]
fn a11_only_nt52_tests_the_level_for_kernel_mode() {
    for (kernel, level, expected) in [
        (Kernel::Win10, 1, true),
        (Kernel::Nt52, 1, false),
        (Kernel::Nt52, 0, false),
        (Kernel::Nt52, 2, true),
    ] {
        let m = as_client(kernel, "A2", level);
        assert_eq!(m.system.se_single_privilege_check(&m.thread, X, AccessMode::Kernel), expected);
    }
}

#[test]
fn a14_a15_nt_access_check_takes_an_identification_token() {
    let m = Machine::new(Kernel::Win10, "S");
    m.imp(&m.token("A2"), false, false, 1).expect("kept");
    let bytes = granting(&[B]).to_self_relative().expect("short");
    let check = |token: &str| {
        let handle = m.handle(&m.token(token), rights::TOKEN_QUERY);
        m.system.nt_access_check(&m.thread, &bytes, handle, READ, &GenericMapping::FILE)
    };
    assert_eq!(check("B1"), Ok(AccessChecked { granted: READ, status: Status::SUCCESS }));
    assert_eq!(check("A1"), Ok(AccessChecked { granted: 0, status: DENIED }));
    assert_eq!(check("B0"), Err(A5));
    assert_eq!(check("Bp2"), Err(Status(0xC000_005C)), "STATUS_NO_IMPERSONATION_TOKEN");
}

#[test]
fn u02_nt_privilege_check_takes_an_identification_token() {
    let m = Machine::new(Kernel::Win10, "S");
    let check = |token: &str, luids: &[u32], all| {
        let handle = m.handle(&m.token(token), rights::TOKEN_QUERY);
        m.system.nt_privilege_check(&m.thread, handle, luids, all)
    };
    assert_eq!(check("AX1", &[X], true), Ok(true));
    assert_eq!(check("AX1", &[X, privileges::TIME_ZONE], true), Ok(false), "one is disabled");
    assert_eq!(check("AX1", &[X, privileges::TIME_ZONE], false), Ok(true));
    assert_eq!(check("AX0", &[X], true), Err(A5));
    assert_eq!(check("SX", &[X], true), Ok(true), "a primary token records level 0, which bounds nothing");
}

#[test]
fn a16_a_handle_keeps_its_rights() {
    let m = Machine::new(Kernel::Win10, "S");
    let handle = m.process.handles().insert(Object::Event(std::sync::Arc::new(())), 0x2);
    m.imp(&m.token("A2"), false, false, 1).expect("kept");
    assert_eq!(m.process.handles().get(handle).map(|(_, granted)| granted), Some(0x2));
}

#[test]
fn a17_a18_children_do_not_inherit_the_impersonation() {
    for kernel in [Kernel::Win10, Kernel::Nt52] {
        let m = as_client(kernel, "B2", 2);
        let child = m.system.create_child_process(&m.thread).expect("created");
        assert_eq!((child.primary().user(), child.primary().token_type() as u8), (A, 1));
        assert!(m.system.create_thread(&m.process).slot().is_none());
    }
}

#[test]
fn a19_drive_letters_are_those_of_the_clients_session() {
    let m = Machine::new(Kernel::Win10, "S+");
    let resolve = || m.system.resolve_dos_device(&m.thread, "X:");
    m.system.devices().define(support::LOGON_A, "X:", r"\Device\Mup\share");
    assert_eq!(resolve().as_deref(), Ok(r"\Device\Mup\share"));
    let b2 = m.token("B2");
    assert_eq!(b2.authentication_id(), LOGON_B);
    m.imp(&b2, false, false, 2).expect("kept");
    assert_eq!(resolve(), Err(Status(0xC000_0034)), "STATUS_OBJECT_NAME_NOT_FOUND");
    m.system.devices().define(psimp_nt::Luid(0x3E7), "C:", r"\Device\HarddiskVolume1");
    assert!(m.system.resolve_dos_device(&m.thread, "C:").is_ok(), "the global one");
}

#[test]
fn a20_traversal_may_pass_where_the_object_does_not() {
    let closed = granting(&[sids::LOCAL_SYSTEM]);
    let everyone = granting(&[Sid::EVERYONE]);
    let open = |level, privilege| {
        let m = Machine::new(Kernel::Win10, "S");
        let a2 = m.token("A2");
        a2.adjust_privilege(privileges::CHANGE_NOTIFY, privilege);
        m.imp(&a2, false, false, level).expect("kept");
        let path = std::slice::from_ref(&closed);
        m.system.ob_open_nested_object(&m.thread, path, Some(&everyone), READ, &GenericMapping::FILE)
    };
    assert_eq!(open(1, true), Err(A5), "the object");
    assert_eq!(open(2, true), Ok(READ));
    assert_eq!(open(2, false), Err(DENIED), "the directory");
}

#[test]
fn order_of_entries_owner_and_maximum() {
    let m = as_client(Kernel::Win10, "A2", 2);
    let with = |owner, entries: &[Ace]| SecurityDescriptor::new(owner, Some(Acl(entries.to_vec())));
    let deny_first = with(B, &[Ace::deny(A, WRITE), Ace::allow(A, READ | WRITE)]);
    assert_eq!(check(&m, &deny_first, WRITE), Err(DENIED));
    assert_eq!(check(&m, &deny_first, READ), Ok(READ));
    assert_eq!(check(&m, &deny_first, rights::MAXIMUM_ALLOWED), Ok(READ));
    let allow_first = with(B, &[Ace::allow(A, READ | WRITE), Ace::deny(A, WRITE)]);
    assert_eq!(check(&m, &allow_first, WRITE), Ok(WRITE));
    let own = with(A, &[Ace::deny(A, u32::MAX)]);
    assert_eq!(check(&m, &own, rights::MAXIMUM_ALLOWED), Ok(rights::READ_CONTROL | rights::WRITE_DAC));
    assert_eq!(check(&m, &own, READ), Err(DENIED));
    let generic = with(B, &[Ace::allow(A, rights::GENERIC_READ)]);
    assert_eq!(check(&m, &generic, rights::GENERIC_READ), Ok(0x0012_0089));
    assert_eq!(check(&m, &generic, rights::GENERIC_WRITE), Err(DENIED));
    assert_eq!(check(&m, &with(B, &[]), rights::MAXIMUM_ALLOWED), Err(DENIED), "an empty DACL");
    assert_eq!(check(&m, &SecurityDescriptor::new(B, None), rights::MAXIMUM_ALLOWED), Ok(0x001F_01FF));
    assert_eq!(
        check(&m, &generic, rights::ACCESS_SYSTEM_SECURITY),
        Err(Status(0xC000_0061)),
        "STATUS_PRIVILEGE_NOT_HELD"
    );
}
