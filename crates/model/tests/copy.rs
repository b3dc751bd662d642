//! Group C: the downgrade copy.

mod support;

use psimp_model::{Kernel, Privilege, SecurityQos, TokenDetails, TokenSource, privileges, rights};
use psimp_nt::{Level, Luid, TokenType};
use support::{A5, A6, B, CURRENT_THREAD, LOGON_B, Machine, spec};

#[test]
fn c01_c02_the_copy_is_another_object_of_the_same_session() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let source = TokenSource { name: *b"Seclogo\0", identifier: Luid(7) };
        let details = TokenDetails { source, deny_only: Vec::new() };
        let b2 = m.system.create_token_with(spec("B2"), details);
        m.imp(&b2, false, false, 2).expect("downgraded");
        let copy = m.thread.slot().expect("a slot").token;
        assert_ne!(copy.id(), b2.id());
        assert_eq!((copy.authentication_id(), copy.user()), (LOGON_B, B));
        assert_eq!((copy.session_id(), copy.source(), copy.origin()), (1, source, Luid(0x3E7)));
        assert_eq!(copy.modified_id(), b2.modified_id());
        assert_eq!((copy.token_type(), copy.level()), (TokenType::Impersonation, Level::Identification));
    }
}

#[test]
fn c03_the_copy_of_a_primary_token_is_an_impersonation_token() {
    for &kernel in Kernel::NT {
        let m = Machine::new(kernel, "S");
        m.imp(&m.token("Bp0"), false, false, 2).expect("downgraded");
        let copy = m.thread.slot().expect("a slot").token;
        assert_eq!((copy.token_type(), copy.level() as u32), (TokenType::Impersonation, 1));
    }
}

#[test]
fn c04_effective_only_is_the_slots_not_the_copys() {
    let m = Machine::new(Kernel::Win10, "S");
    m.imp(&m.token("B2"), false, true, 2).expect("downgraded");
    let slot = m.thread.slot().expect("a slot");
    assert!(slot.effective_only);
    assert!(slot.token.privileges().iter().any(|p| p.luid == privileges::TIME_ZONE && !p.enabled));
}

#[test]
fn c05_c06_the_copy_alone_keeps_the_logon_session() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        assert!(!m.system.logon_session_alive(LOGON_B));
        let b2 = m.token("B2");
        m.imp(&b2, false, false, 2).expect("downgraded");
        assert_eq!(m.system.logon_session_references(LOGON_B), 2);
        drop(b2);
        assert!(m.system.logon_session_alive(LOGON_B));
        assert_eq!(m.thread.slot().expect("a slot").token.user(), B);
        m.system.ps_revert_to_self(&m.thread);
        assert!(!m.system.logon_session_alive(LOGON_B));
    }
}

#[test]
fn c07_c08_adjusting_the_original_reaches_the_token_kept_only() {
    for (server, seen) in [("S", false), ("S+", true)] {
        let m = Machine::new(Kernel::Win10, server);
        let b2 = m.token("B2");
        m.imp(&b2, false, false, 2).expect("stored");
        let handle = m.handle(&b2, rights::TOKEN_ADJUST_PRIVILEGES);
        let modified = b2.modified_id();
        let change = Privilege { luid: privileges::TIME_ZONE, enabled: true };
        let status = m.system.nt_adjust_privileges_token(&m.thread, handle, &[change]);
        assert_eq!(status.map(|s| s.0), Ok(0));
        assert_ne!(b2.modified_id(), modified);
        let stored = m.thread.slot().expect("a slot").token;
        assert_eq!(stored.has_privilege(privileges::TIME_ZONE), seen, "{server}");
    }
}

#[test]
fn adjusting_needs_its_right_and_says_what_the_token_lacks() {
    let m = Machine::new(Kernel::Win10, "S");
    let a2 = m.token("A2");
    let adjust = |access| {
        let handle = m.handle(&a2, access);
        let lacking = Privilege { luid: privileges::IMPERSONATE, enabled: true };
        m.system.nt_adjust_privileges_token(&m.thread, handle, &[lacking]).map(|s| s.0)
    };
    assert_eq!(adjust(rights::TOKEN_QUERY).map_err(|s| s.0), Err(0xC000_0022));
    assert_eq!(adjust(rights::TOKEN_ADJUST_PRIVILEGES), Ok(0x106), "STATUS_NOT_ALL_ASSIGNED");
}

#[test]
fn c09_nt52_raises_an_anonymous_token_to_identification() {
    for (kernel, level, opened) in [
        (Kernel::Win10, 0, Err(A6)),
        (Kernel::Documented, 0, Err(A6)),
        (Kernel::Nt52, 1, Ok(Level::Identification)),
    ] {
        let m = Machine::new(kernel, "S");
        m.imp(&m.token("B0"), false, false, 2).expect("downgraded");
        assert_eq!(m.slot().expect("a slot").3, level);
        assert_eq!(m.open(true).map(|token| token.level()), opened);
    }
}

#[test]
fn c10_nt52_copies_even_where_nothing_is_reduced() {
    for (kernel, same) in [(Kernel::Win10, true), (Kernel::Documented, true), (Kernel::Nt52, false)] {
        let m = Machine::new(kernel, "S");
        let b2 = m.token("B2");
        m.imp(&b2, false, false, 1).expect("stored");
        let (id, _, _, level) = m.slot().expect("a slot");
        assert_eq!((id == b2.id(), level), (same, 1));
    }
}

#[test]
fn c12_the_copy_set_on_another_thread() {
    for (kernel, same) in [(Kernel::Win10, true), (Kernel::Documented, true), (Kernel::Nt52, false)] {
        let m = Machine::new(kernel, "S");
        m.imp(&m.token("B2"), false, false, 2).expect("downgraded");
        let token = m.system.nt_open_thread_token(
            &m.thread,
            CURRENT_THREAD,
            rights::TOKEN_QUERY | rights::TOKEN_IMPERSONATE,
            true,
        );
        let token = token.expect("opened");
        let other = m.system.create_thread(&m.process);
        let target = m.thread_handle(&other, rights::THREAD_SET_THREAD_TOKEN);
        m.system.nt_set_thread_token(&m.thread, target, token).expect("set");
        let first = m.slot().expect("a slot").0;
        let (id, _, _, level) = support::slot_of(&other).expect("a slot");
        assert_eq!((id == first, level), (same, 1));
        let on_other = Machine { thread: other, process: m.process.clone(), system: m.system.clone() };
        assert_eq!(on_other.access(&[B]), Err(A5));
    }
}

#[test]
fn c13_u13_a_copy_cannot_be_raised() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        m.imp(&m.token("B2"), false, false, 2).expect("downgraded");
        let token = m.open(true).expect("opened");
        let handle = m.handle(&token, rights::TOKEN_DUPLICATE);
        let duplicate = |token_type, qos| {
            m.system
                .nt_duplicate_token(&m.thread, handle, 0, token_type, qos, false)
                .map(|h| m.taken(h).level())
        };
        let two = SecurityQos::at(Level::Impersonation);
        let one = SecurityQos::at(Level::Identification);
        assert_eq!(duplicate(TokenType::Impersonation, Some(&two)), Err(A5));
        assert_eq!(duplicate(TokenType::Primary, Some(&two)), Err(A5));
        assert_eq!(duplicate(TokenType::Impersonation, Some(&one)), Ok(Level::Identification));
        // Without a quality of service the copy records level 0.
        assert_eq!(duplicate(TokenType::Impersonation, None), Ok(Level::Anonymous));
    }
}
