//! Group R: references and leaks.

mod support;

use psimp_model::{FaultPoint, Job, Kernel, Object, SecurityQos, job_flags, rights};
use psimp_nt::{Luid, Status};
use support::{CURRENT_THREAD, LOGON_B, Machine, refs};

#[test]
fn r01_r03_r04_counts_return_to_the_start() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let a2 = m.token("A2");
        for _ in 0..10_000 {
            m.imp(&a2, false, false, 2).expect("kept");
            m.system.ps_revert_to_self(&m.thread);
        }
        assert_eq!(refs(&a2), 0, "R01");
        for _ in 0..1000 {
            m.imp(&a2, false, false, 2).expect("kept");
        }
        assert_eq!(refs(&a2), 1, "R04");
        for _ in 0..10_000 {
            let token = m.thread.slot().map(|slot| slot.token);
            m.system.ps_dereference_impersonation_token(token);
        }
        assert_eq!(refs(&a2), 1, "R03");
    }
}

#[test]
fn r02_downgrade_copies_are_freed() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let b2 = m.token("B2");
        for _ in 0..10_000 {
            m.imp(&b2, false, false, 2).expect("downgraded");
            m.system.ps_revert_to_self(&m.thread);
        }
        assert_eq!(m.system.logon_session_references(LOGON_B), 1);
        drop(b2);
        assert!(!m.system.logon_session_alive(LOGON_B));
    }
}

#[test]
fn r05_closing_the_handle_ends_nothing() {
    let m = Machine::new(Kernel::Win10, "S");
    let handle = m.handle(&m.token("A2"), rights::TOKEN_ALL_ACCESS);
    m.system.nt_set_thread_token(&m.thread, CURRENT_THREAD, handle).expect("set");
    m.system.nt_close(&m.thread, handle).expect("closed");
    assert_eq!(m.thread.slot().expect("a slot").token.user(), support::A);
}

#[test]
fn r06_failures_leak_nothing() {
    let m = Machine::new(Kernel::Nt52, "S");
    m.process.assign_job(Job::new(job_flags::NO_ADMIN)).expect("no job yet");
    let (a2, b2, admin) = (m.token("A2"), m.token("B2"), m.token("Ba2"));
    m.imp(&a2, true, false, 2).expect("kept");
    for _ in 0..1000 {
        m.system.faults().fail_next(FaultPoint::DuplicateToken, Status::INSUFFICIENT_RESOURCES);
        assert!(m.imp(&b2, false, false, 2).is_err(), "M03");
        assert!(m.imp(&admin, false, false, 2).is_err(), "J03");
        m.system.faults().fail_next(FaultPoint::DuplicateToken, Status::INSUFFICIENT_RESOURCES);
        assert!(m.open(false).is_err(), "M06");
    }
    assert_eq!((refs(&a2), refs(&b2), refs(&admin)), (1, 0, 0));
    assert_eq!(m.system.logon_session_references(LOGON_B), 2);
}

#[test]
fn r07_copies_on_open_are_freed() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S+");
        let a2 = m.token("A2");
        let before = m.system.logon_session_references(support::LOGON_A);
        for _ in 0..1000 {
            m.imp(&a2, true, false, 2).expect("kept");
            m.open(true).expect("opened");
        }
        m.system.ps_revert_to_self(&m.thread);
        assert_eq!(m.system.logon_session_references(support::LOGON_A), before);
    }
}

#[test]
fn r08_client_contexts_are_freed() {
    for tracking in [SecurityQos::STATIC, SecurityQos::DYNAMIC] {
        let m = Machine::new(Kernel::Win10, "S");
        let a2 = m.token("A2");
        m.imp(&a2, false, false, 2).expect("kept");
        let before = m.system.logon_session_references(support::LOGON_A);
        for _ in 0..1000 {
            let qos = SecurityQos { level: 2, tracking, effective_only: false };
            let context = m.system.se_create_client_security(&m.thread, &qos, false).expect("created");
            m.system.se_delete_client_security(context);
        }
        assert_eq!((refs(&a2), m.system.logon_session_references(support::LOGON_A)), (1, before));
    }
}

#[test]
fn r09_nt52_leaks_a_reference_on_the_anonymous_token() {
    for (kernel, leaked) in [(Kernel::Win10, 0), (Kernel::Documented, 0), (Kernel::Nt52, 1000)] {
        let m = Machine::new(kernel, "S+");
        let token = m.system.anonymous_token().clone();
        let before = refs(&token);
        for _ in 0..1000 {
            m.system.nt_impersonate_anonymous_token(&m.thread, CURRENT_THREAD).expect("stored");
            m.system.ps_revert_to_self(&m.thread);
        }
        assert_eq!(refs(&token) - before, leaked);
        assert_eq!(m.system.logon_session_references(Luid(0x3E6)), 1);
    }
}

#[test]
fn r10_the_end_of_a_process_closes_its_handles() {
    let m = Machine::new(Kernel::Win10, "S");
    for _ in 0..16 {
        m.handle(&m.token("B2"), rights::TOKEN_QUERY);
    }
    assert_eq!(m.system.logon_session_references(LOGON_B), 16);
    m.process.close_handles();
    assert!(!m.system.logon_session_alive(LOGON_B));
}

#[test]
fn r11_r12_the_slot_lasts_as_long_as_the_thread_object() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let other = m.system.create_thread(&m.process);
        let a2 = m.token("A2");
        m.system.ps_impersonate_client(&other, Some(&a2), false, false, 2).expect("kept");
        let handle = m.process.handles().insert(Object::Thread(other.clone()), rights::THREAD_ALL_ACCESS);
        other.terminate();
        drop(other);
        assert_eq!(refs(&a2), 1, "R12");
        m.system.nt_close(&m.thread, handle).expect("closed");
        assert_eq!(refs(&a2), 0, "R11");
    }
}
