//! Tokens: filters, deny-only groups, copies, adjustments, and logon sessions.

mod support;

use psimp_model::{
    Ace, Acl, Group, Kernel, Object, Privilege, SecurityQos, SubjectContext, System, TokenDetails,
    TokenFilter, TokenSpec, privileges, rights, sids,
};
use psimp_nt::{Level, Luid, Sid, Status, TokenType};
use support::{A, A5, B, CURRENT_THREAD, DENIED, Machine, X, spec};

const GROUP: Sid = Sid::new(5, &[21, 1, 2, 3, 513]);

fn machine_as(token: &std::sync::Arc<psimp_model::Token>) -> Machine {
    let m = Machine::new(Kernel::Win10, "S+");
    m.imp(token, false, false, 2).expect("stored");
    m
}

#[test]
fn disabled_sids_count_in_deny_entries_only() {
    let system = System::new(Kernel::Win10);
    let mut full = spec("AX2");
    full.groups.push(Group { sid: GROUP, enabled: true });
    let token = system.create_token(full);
    let filter =
        TokenFilter { disable: vec![GROUP, sids::ADMINISTRATORS], delete: vec![X], ..TokenFilter::default() };
    let less = system.se_filter_token(&token, &filter).expect("filtered");
    assert_ne!(less.id(), token.id());
    assert_eq!((less.token_type(), less.level()), (token.token_type(), token.level()));
    assert_eq!(less.deny_only(), [GROUP], "not what the token never had");
    assert!(!less.has_privilege(X) && !less.is_restricted());
    let m = machine_as(&less);
    let subject = SubjectContext::capture(&m.system, &m.thread);
    assert_eq!(subject.access_check(&Acl::granting(&[GROUP]), 1), Err(DENIED));
    let denied = Acl(vec![Ace::deny(GROUP, 1), Ace::allow(A, 3)]);
    assert_eq!(subject.access_check(&denied, 1), Err(DENIED));
    assert_eq!(subject.access_check(&denied, 2), Ok(()));
    // An effective-only copy keeps what can only take access away.
    let effective = system.duplicate_token(&less, less.token_type(), less.level(), true).expect("copied");
    assert_eq!(effective.deny_only(), [GROUP]);
    assert!(effective.groups().iter().any(|group| group.sid == GROUP && !group.enabled));
}

#[test]
fn the_user_can_be_deny_only() {
    let system = System::new(Kernel::Win10);
    let details = TokenDetails { deny_only: vec![A], ..TokenDetails::default() };
    let m = machine_as(&system.create_token_with(spec("A2"), details));
    let subject = SubjectContext::capture(&m.system, &m.thread);
    assert_eq!(subject.access_check(&Acl::granting(&[A]), 1), Err(DENIED));
    assert_eq!(subject.access_check(&Acl::granting(&[Sid::EVERYONE]), 1), Ok(()));
}

#[test]
fn restricting_sids_never_widen() {
    let system = System::new(Kernel::Win10);
    let restrict = |token: &psimp_model::Token, sid, write_restricted| {
        let filter = TokenFilter { restrict: vec![sid], write_restricted, ..TokenFilter::default() };
        system.se_filter_token(token, &filter).expect("filtered")
    };
    let token = system.create_token(spec("A2"));
    let once = restrict(&token, sids::RESTRICTED, false);
    assert_eq!((once.is_restricted(), once.restricting()), (true, &[sids::RESTRICTED][..]));
    let twice = restrict(&once, GROUP, true);
    assert_eq!((twice.is_restricted(), twice.restricting()), (true, &[][..]));
    let m = machine_as(&twice);
    let everyone = Acl::granting(&[A, GROUP, sids::RESTRICTED, Sid::EVERYONE]);
    assert_eq!(SubjectContext::capture(&m.system, &m.thread).access_check(&everyone, 1), Err(DENIED));
}

#[test]
fn disable_max_privilege_leaves_one() {
    let system = System::new(Kernel::Win10);
    let filter = TokenFilter { disable_max_privilege: true, ..TokenFilter::default() };
    let less = system.se_filter_token(&system.create_token(spec("SX+")), &filter).expect("filtered");
    let left: Vec<_> = less.privileges().iter().map(|p| p.luid).collect();
    assert_eq!(left, [privileges::CHANGE_NOTIFY]);
    assert!(!less.facts().platform.impersonate_privilege);
}

#[test]
fn a_logon_session_lasts_as_long_as_its_tokens() {
    let system = System::new(Kernel::Win10);
    let id = Luid(0xA1);
    assert!(!system.logon_session_alive(id));
    let token = system.create_token(spec("A2"));
    let copy = system.duplicate_token(&token, token.token_type(), token.level(), false).expect("copied");
    let filtered = system.se_filter_token(&copy, &TokenFilter::default()).expect("filtered");
    assert_eq!(system.logon_session_references(id), 3);
    drop((token, copy));
    assert!(system.logon_session_alive(id));
    drop(filtered);
    assert!(!system.logon_session_alive(id));
    let again = system.create_token(spec("A2"));
    assert!(system.logon_session_alive(again.authentication_id()));
}

#[test]
fn adjusting_needs_its_right_and_says_what_the_token_lacks() {
    let m = Machine::new(Kernel::Win10, "S");
    let a2 = m.token("A2");
    let adjust = |access, luid| {
        let handle = m.handle(&a2, access);
        let modified = a2.modified_id();
        let change = Privilege { luid, enabled: true };
        let status = m.system.nt_adjust_privileges_token(&m.thread, handle, &[change]);
        (status, a2.modified_id() != modified)
    };
    assert_eq!(adjust(rights::TOKEN_QUERY, privileges::TIME_ZONE), (Err(DENIED), false));
    let lacking = adjust(rights::TOKEN_ADJUST_PRIVILEGES, privileges::IMPERSONATE);
    assert_eq!(lacking, (Ok(Status(0x106)), false), "STATUS_NOT_ALL_ASSIGNED");
    let held = adjust(rights::TOKEN_ADJUST_PRIVILEGES, privileges::TIME_ZONE);
    assert_eq!(held, (Ok(Status::SUCCESS), true));
}

#[test]
fn an_effective_only_copy_has_only_what_is_enabled() {
    let system = System::new(Kernel::Win10);
    let token = system.create_token(spec("A2"));
    let copy = system.duplicate_token(&token, TokenType::Impersonation, Level::Impersonation, true);
    let copy = copy.expect("copied");
    assert_eq!(copy.groups(), [Group { sid: Sid::EVERYONE, enabled: true }]);
    assert_eq!(copy.privileges(), [Privilege { luid: privileges::CHANGE_NOTIFY, enabled: true }]);
}

#[test]
fn duplicates_of_an_identification_token() {
    let m = Machine::new(Kernel::Win10, "S");
    let handle = m.handle(&m.token("A1"), rights::TOKEN_DUPLICATE);
    let duplicate = |token_type, qos: Option<&SecurityQos>| {
        let copy = m.system.nt_duplicate_token(&m.thread, handle, 0, token_type, qos, false);
        copy.map(|copy| m.taken(copy).level())
    };
    let two = SecurityQos::at(Level::Impersonation);
    assert_eq!(duplicate(TokenType::Primary, Some(&two)), Err(A5));
    // Without a quality of service the copy records level 0.
    assert_eq!(duplicate(TokenType::Impersonation, None), Ok(Level::Anonymous));
}

/// Windows 10 adds the entry to the descriptor of the copy, which is the server's otherwise.
#[test]
fn an_administrator_may_query_a_copy_on_windows_10() {
    for (kernel, expected) in [(Kernel::Win10, Ok(0x8)), (Kernel::Nt52, Err(DENIED))] {
        let m = Machine::new(kernel, "S+");
        let handle = m.handle(&m.token("A2"), rights::TOKEN_DUPLICATE);
        let two = SecurityQos::at(Level::Impersonation);
        let copy =
            m.system.nt_duplicate_token(&m.thread, handle, 0, TokenType::Impersonation, Some(&two), false);
        m.imp(&m.taken(copy.expect("copied")), false, false, 2).expect("kept");
        let administrators = Group { sid: sids::ADMINISTRATORS, enabled: true };
        let other = TokenSpec { user: B, groups: vec![administrators], ..spec("S") };
        let process = m.system.create_process(m.system.create_token(other));
        let thread = m.system.create_thread(&process);
        let target = process.handles().insert(Object::Thread(m.thread.clone()), 0x1F_FFFF);
        let open = |desired| {
            let opened = m.system.nt_open_thread_token(&thread, target, desired, false);
            opened.map(|opened| process.handles().get(opened).expect("open").1)
        };
        assert_eq!(open(rights::TOKEN_QUERY), expected, "{kernel}");
        assert_eq!(open(rights::TOKEN_DUPLICATE), Err(DENIED), "{kernel}");
    }
}

#[test]
fn the_handle_grants_what_was_asked() {
    let m = Machine::new(Kernel::Win10, "S");
    for (co, desired, granted) in [
        (false, rights::TOKEN_QUERY, 0x8),
        (true, rights::TOKEN_QUERY, 0x8),
        (true, rights::MAXIMUM_ALLOWED, 0xF_01FF),
        (false, rights::GENERIC_READ, 0x2_0008),
    ] {
        m.imp(&m.token("A2"), co, false, 2).expect("kept");
        let handle = m.system.nt_open_thread_token(&m.thread, CURRENT_THREAD, desired, true);
        let handle = handle.expect("opened");
        assert_eq!(m.process.handles().get(handle).map(|(_, granted)| granted), Some(granted));
    }
}
