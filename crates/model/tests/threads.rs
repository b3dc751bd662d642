//! Threads and processes: client contexts, the anonymous token, jobs, handles, the TEB.

mod support;

use psimp_model::{ImpersonationState, Job, Kernel, SecurityQos, rights};
use psimp_nt::{Sid, Status};
use support::{CURRENT_THREAD, DENIED, LOGON_B, Machine};

const KERNELS: [Kernel; 2] = [Kernel::Win10, Kernel::Nt52];

#[test]
fn effective_only_of_dynamic_contexts_includes_the_clients() {
    for (tracking, expected) in [(SecurityQos::STATIC, false), (SecurityQos::DYNAMIC, true)] {
        let m = Machine::new(Kernel::Win10, "S");
        let client = m.system.create_thread(&m.process);
        let a2 = m.token("A2");
        m.system.ps_impersonate_client(&client, Some(&a2), false, true, 2).expect("kept");
        let qos = SecurityQos { tracking, level: 2, effective_only: false };
        let context = m.system.se_create_client_security(&client, &qos, false).expect("created");
        m.system.se_impersonate_client_ex(&context, &m.thread).expect("stored");
        assert_eq!(m.slot().map(|slot| slot.2), Some(expected));
    }
}

#[test]
fn tracking_modes_are_two() {
    let m = Machine::new(Kernel::Win10, "S");
    let qos = SecurityQos { level: 2, tracking: 2, effective_only: false };
    let created = m.system.se_create_client_security(&m.thread, &qos, false);
    assert_eq!(created.err(), Some(Status(0xC000_000D)));
}

#[test]
fn nt_set_information_thread_takes_one_class() {
    let m = Machine::new(Kernel::Win10, "S");
    let set = m.system.nt_set_information_thread(&m.thread, CURRENT_THREAD, 6, &[0; 8]);
    assert_eq!(set, Err(Status(0xC000_0003)));
}

#[test]
fn everyone_includes_the_anonymous_logon_where_the_system_has_it_so() {
    for kernel in KERNELS {
        for (includes, access) in [(false, Err(DENIED)), (true, Ok(rights::FILE_READ_DATA))] {
            let m = Machine::new(kernel, "S");
            m.system.set_everyone_includes_anonymous(includes);
            m.system.nt_impersonate_anonymous_token(&m.thread, CURRENT_THREAD).expect("stored");
            assert_eq!(m.access(&[Sid::EVERYONE]), access);
        }
    }
}

#[test]
fn restricted_processes_do_not_become_anonymous() {
    for (kernel, server, expected) in [
        (Kernel::Win10, "SR", Err(DENIED)),
        (Kernel::Nt52, "SR", Err(DENIED)),
        (Kernel::Win10, "SW", Ok(())),
        (Kernel::Nt52, "SW", Err(DENIED)),
    ] {
        let m = Machine::new(kernel, server);
        let thread = m.thread_handle(&m.thread, rights::THREAD_IMPERSONATE);
        assert_eq!(m.system.nt_impersonate_anonymous_token(&m.thread, thread), expected);
        let weak = m.thread_handle(&m.thread, rights::THREAD_SET_THREAD_TOKEN);
        assert_eq!(m.system.nt_impersonate_anonymous_token(&m.thread, weak), Err(DENIED));
    }
}

#[test]
fn a_process_is_in_one_job() {
    let m = Machine::new(Kernel::Win10, "S");
    assert_eq!(m.process.assign_job(Job::new(0)), Ok(()));
    assert_eq!(m.process.assign_job(Job::new(0)), Err(DENIED));
}

#[test]
fn the_end_of_a_process_closes_its_handles() {
    let m = Machine::new(Kernel::Win10, "S");
    for _ in 0..16 {
        m.handle(&m.token("B2"), rights::TOKEN_QUERY);
    }
    assert_eq!(m.system.logon_session_references(LOGON_B), 16);
    m.process.close_handles();
    assert!(!m.system.logon_session_alive(LOGON_B));
}

#[test]
fn the_teb_is_told_by_impersonate_and_revert_alone() {
    let m = Machine::new(Kernel::Win10, "S");
    m.imp(&m.token("A2"), false, false, 2).expect("kept");
    let state = m.thread.disable_impersonation();
    assert!(m.thread.teb_is_impersonating(), "after Disable");
    m.system.ps_revert_to_self(&m.thread);
    assert!(m.thread.teb_is_impersonating(), "a revert of nothing changes nothing");
    m.thread.restore_impersonation(state);
    assert!(m.thread.teb_is_impersonating(), "after Restore");
    m.thread.restore_impersonation(ImpersonationState::default());
    assert!(!m.thread.teb_is_impersonating(), "a Restore that ends an impersonation");
}
