//! Access and privilege checks beyond the catalogue's group A.

mod support;

use psimp_model::{
    AccessMode, AccessRequest, Ace, Acl, GenericMapping, Kernel, SecurityDescriptor, SubjectContext,
    privileges, rights, sids,
};
use psimp_nt::{Sid, Status};
use support::{A, A5, B, DENIED, Machine, X, granting};

const READ: u32 = rights::FILE_READ_DATA;
const WRITE: u32 = rights::FILE_WRITE_DATA;

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
fn the_owners_rights_need_both_passes() {
    let own = SecurityDescriptor::new(A, Some(Acl::default()));
    let check = |token| check(&as_client(Kernel::Win10, token, 2), &own, rights::WRITE_DAC);
    assert_eq!((check("A2"), check("AR2")), (Ok(rights::WRITE_DAC), Err(DENIED)));
}

#[test]
fn write_restricted_tokens_are_bound_in_writing_only() {
    let m = as_client(Kernel::Win10, "AW2", 2);
    let a_only = granting(&[A]);
    assert_eq!(check(&m, &a_only, READ), Ok(READ));
    assert_eq!(check(&m, &a_only, WRITE), Err(DENIED));
    assert_eq!(check(&m, &a_only, rights::WRITE_DAC), Err(DENIED));
    assert_eq!(check(&m, &a_only, READ | WRITE), Err(DENIED));
    assert_eq!(check(&m, &granting(&[A, sids::RESTRICTED]), READ | WRITE), Ok(READ | WRITE));
}

#[test]
fn what_was_granted_before_needs_a_descriptor() {
    let m = as_client(Kernel::Win10, "A2", 2);
    let nobody = SecurityDescriptor::new(sids::LOCAL_SYSTEM, Some(Acl::default()));
    let before = AccessRequest { previously_granted: READ, ..AccessRequest::user(0, GenericMapping::FILE) };
    let subject = SubjectContext::capture(&m.system, &m.thread);
    assert_eq!(subject.se_access_check(Some(&nobody), &before), Ok(READ));
    assert_eq!(subject.se_access_check(None, &before), Err(DENIED));
}

#[test]
fn only_nt52_tests_the_level_for_kernel_mode() {
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
fn nt_privilege_check_wants_all_or_any() {
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
fn directories_are_passed_by_a_privilege_of_the_client() {
    let closed = [granting(&[sids::LOCAL_SYSTEM])];
    let everyone = granting(&[Sid::EVERYONE]);
    for (enabled, expected) in [(true, Ok(READ)), (false, Err(DENIED))] {
        let m = as_client(Kernel::Win10, "A2", 2);
        m.thread.slot().expect("a slot").token.adjust_privilege(privileges::CHANGE_NOTIFY, enabled);
        let mapping = &GenericMapping::FILE;
        let opened = m.system.ob_open_nested_object(&m.thread, &closed, Some(&everyone), READ, mapping);
        assert_eq!(opened, expected);
    }
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
    assert_eq!(check(&m, &generic, 0x0012_0089), Ok(0x0012_0089));
    assert_eq!(check(&m, &generic, rights::GENERIC_READ), Err(DENIED), "the caller has to map it");
    assert_eq!(check(&m, &generic, WRITE), Err(DENIED));
    assert_eq!(check(&m, &with(B, &[]), rights::MAXIMUM_ALLOWED), Err(DENIED), "an empty DACL");
    assert_eq!(check(&m, &SecurityDescriptor::new(B, None), rights::MAXIMUM_ALLOWED), Ok(0x001F_01FF));
    assert_eq!(
        check(&m, &generic, rights::ACCESS_SYSTEM_SECURITY),
        Err(Status(0xC000_0061)),
        "STATUS_PRIVILEGE_NOT_HELD"
    );
}
