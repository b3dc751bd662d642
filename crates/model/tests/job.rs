//! Group J: jobs.

mod support;

use psimp_model::{FaultPoint, Job, Kernel, TokenFilter, job_flags};
use psimp_nt::Status;
use support::{DENIED, Machine, X, refs};

const WITH_JOBS: [Kernel; 2] = [Kernel::Documented, Kernel::Nt52];

fn in_job(kernel: Kernel, server: &str, flags: u32) -> Machine {
    let m = Machine::new(kernel, server);
    m.process.assign_job(Job::new(flags)).expect("no job yet");
    m
}

/// One call on an idle thread.
fn outcome(kernel: Kernel, server: &str, flags: u32, token: &str) -> Result<u32, Status> {
    let m = in_job(kernel, server, flags);
    let token = m.token(token);
    let result = m.imp(&token, false, false, 2);
    if result.is_err() {
        assert_eq!((m.slot(), refs(&token)), (None, 0));
    }
    result.map(|()| m.slot().expect("a slot").3)
}

#[test]
fn j01_j02_no_admin() {
    for kernel in WITH_JOBS {
        assert_eq!(outcome(kernel, "S", job_flags::NO_ADMIN, "Aa2"), Err(DENIED), "J01");
        assert_eq!(outcome(kernel, "S", job_flags::NO_ADMIN, "A2"), Ok(2), "J02");
    }
}

#[test]
fn j03_a_downgraded_admin_is_refused_too_and_the_copy_freed() {
    for kernel in WITH_JOBS {
        let m = in_job(kernel, "S", job_flags::NO_ADMIN);
        let token = m.token("Ba2");
        assert_eq!(m.imp(&token, false, false, 2), Err(DENIED));
        drop(token);
        assert!(!m.system.logon_session_alive(support::LOGON_B));
    }
}

#[test]
fn j04_j05_what_was_there_stays_and_a_revert_is_free() {
    for kernel in WITH_JOBS {
        let m = in_job(kernel, "S", job_flags::NO_ADMIN);
        let a2 = m.token("A2");
        m.imp(&a2, true, false, 2).expect("kept");
        assert_eq!(m.imp(&m.token("Aa2"), false, false, 2), Err(DENIED));
        assert_eq!(m.slot(), Some((a2.id(), true, false, 2)));
        assert_eq!(m.system.ps_impersonate_client(&m.thread, None, false, false, 0), Ok(()));
        assert_eq!(m.slot(), None);
    }
}

#[test]
fn j06_j07_reactos_has_the_restricted_test_inverted() {
    let flag = job_flags::RESTRICTED_TOKEN;
    assert_eq!(outcome(Kernel::Documented, "S", flag, "A2"), Err(DENIED), "J06");
    assert_eq!(outcome(Kernel::Nt52, "S", flag, "A2"), Ok(2), "J06");
    // As decided: the documented rule downgrades a restricted token.
    assert_eq!(outcome(Kernel::Documented, "SR", flag, "AR2"), Ok(1), "J07");
    assert_eq!(outcome(Kernel::Nt52, "SR", flag, "AR2"), Err(DENIED), "J07");
}

#[test]
fn j08_filters_apply_to_the_token_stored() {
    for (kernel, filtered) in [(Kernel::Documented, true), (Kernel::Nt52, false), (Kernel::Win10, false)] {
        let m = Machine::new(kernel, "S");
        let filter = TokenFilter { delete: vec![X], ..TokenFilter::default() };
        m.process.assign_job(Job::with_filter(job_flags::FILTER_TOKENS, filter)).expect("no job yet");
        let token = m.token("AX2");
        m.imp(&token, false, false, 2).expect("stored");
        let slot = m.thread.slot().expect("a slot");
        assert_eq!((slot.token.id() != token.id(), slot.level), (filtered, 2));
        assert_eq!(slot.token.has_privilege(X), !filtered);
        assert_eq!(refs(&token), if filtered { 0 } else { 2 });
    }
}

#[test]
fn j08_without_memory_for_the_filtered_token_nothing_changes() {
    let m = in_job(Kernel::Documented, "S", job_flags::FILTER_TOKENS);
    let a2 = m.token("A2");
    m.system.faults().fail_next(FaultPoint::FilterToken, Status::NO_MEMORY);
    assert_eq!(m.imp(&a2, false, false, 2), Err(Status::NO_MEMORY));
    assert_eq!((m.slot(), refs(&a2)), (None, 0));
}

#[test]
fn j09_only_token_does_not_concern_impersonation() {
    for &kernel in Kernel::ALL {
        assert_eq!(outcome(kernel, "S", job_flags::ONLY_TOKEN, "Aa2"), Ok(2));
    }
}

#[test]
fn j10_restore_tests_no_job() {
    for kernel in WITH_JOBS {
        let m = Machine::new(kernel, "S");
        let admin = m.token("Aa2");
        m.imp(&admin, false, false, 2).expect("kept");
        let state = m.thread.disable_impersonation();
        m.process.assign_job(Job::new(job_flags::NO_ADMIN)).expect("no job yet");
        m.thread.restore_impersonation(state);
        assert_eq!(m.slot(), Some((admin.id(), false, false, 2)));
    }
}

#[test]
fn j11_joining_a_job_changes_no_slot() {
    for kernel in WITH_JOBS {
        let m = Machine::new(kernel, "S");
        let admin = m.token("Aa2");
        m.imp(&admin, false, false, 2).expect("kept");
        m.process.assign_job(Job::new(job_flags::NO_ADMIN)).expect("no job yet");
        assert_eq!(m.slot(), Some((admin.id(), false, false, 2)));
        assert_eq!(m.imp(&admin, false, false, 2), Err(DENIED));
        assert_eq!(m.process.assign_job(Job::new(0)), Err(DENIED), "a second job");
    }
}

#[test]
fn windows_10_ignores_jobs() {
    for flags in [1, 2, 4, 8, 15] {
        for token in ["A2", "Aa2"] {
            assert_eq!(outcome(Kernel::Win10, "S", flags, token), Ok(2), "{token} under {flags}");
        }
        assert_eq!(outcome(Kernel::Win10, "S", flags, "Ba2"), Ok(1));
    }
}
