//! Group U: what user mode's calls come to.

mod support;

use psimp_model::{Kernel, TokenFilter, rights, sids};
use psimp_nt::{Level, Sid, TokenType};
use support::{A, A5, A6, CURRENT_THREAD, DENIED, Machine, NO_TOKEN};

#[test]
fn u01_u02_u03_impersonate_self() {
    for &kernel in Kernel::NT {
        for (level, opened, access) in [
            (Level::Anonymous, Err(A6), Err(A5)),
            (Level::Identification, Ok(Level::Identification), Err(A5)),
            (Level::Impersonation, Ok(Level::Impersonation), Ok(rights::FILE_READ_DATA)),
        ] {
            let m = Machine::new(kernel, "S");
            m.system.rtl_impersonate_self(&m.thread, level).expect("set");
            assert_eq!(m.open(true).map(|token| token.level()), opened);
            assert_eq!(m.access(&[A]), access);
            assert_eq!(m.process.handles().count(), 0);
        }
    }
}

#[test]
fn u04_the_token_of_a_logon_in_the_own_session() {
    for (kernel, level) in [(Kernel::Win10, 2), (Kernel::Nt52, 2), (Kernel::Documented, 1)] {
        let m = Machine::new(kernel, "S");
        m.imp(&m.token("Bo2"), false, false, 2).expect("stored");
        assert_eq!(m.slot().expect("a slot").3, level);
    }
}

#[test]
fn u05_the_token_of_an_unrelated_user() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let handle = m.handle(&m.token("B2"), rights::TOKEN_IMPERSONATE);
        assert_eq!(m.system.nt_set_thread_token(&m.thread, CURRENT_THREAD, handle), Ok(()));
        let token = m.open(true).expect("opened");
        assert_eq!((token.user(), token.level()), (support::B, Level::Identification));
    }
}

#[test]
fn u06_the_anonymous_token() {
    for kernel in [Kernel::Win10, Kernel::Nt52] {
        let m = Machine::new(kernel, "S");
        m.system.nt_impersonate_anonymous_token(&m.thread, CURRENT_THREAD).expect("stored");
        let slot = m.thread.slot().expect("a slot");
        assert_eq!((slot.copy_on_open, slot.effective_only, slot.level), (true, false, 2));
        let token = slot.token;
        assert_eq!((token.user(), token.authentication_id().0), (Sid::ANONYMOUS_LOGON, 0x3E6));
        assert_eq!((token.token_type(), token.level()), (TokenType::Primary, Level::Anonymous));
        assert_eq!(m.access(&[Sid::EVERYONE]), Err(DENIED));
        assert_eq!(m.open(true).expect("opened").user(), Sid::ANONYMOUS_LOGON);
        m.system.ps_revert_to_self(&m.thread);
        m.system.set_everyone_includes_anonymous(true);
        m.system.nt_impersonate_anonymous_token(&m.thread, CURRENT_THREAD).expect("stored");
        assert_eq!(m.access(&[Sid::EVERYONE]), Ok(rights::FILE_READ_DATA));
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
fn u07_reverting_an_idle_thread() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        assert_eq!(m.system.nt_set_thread_token(&m.thread, CURRENT_THREAD, 0), Ok(()));
        assert_eq!(m.open(true).err(), Some(NO_TOKEN));
    }
}

#[test]
fn u14_a_restricted_token_of_the_own_user() {
    for (kernel, level) in [(Kernel::Win10, 2), (Kernel::Nt52, 1), (Kernel::Documented, 1)] {
        let m = Machine::new(kernel, "S");
        let own = m.handle(&m.token("A2"), rights::TOKEN_ALL_ACCESS);
        let filter = TokenFilter { restrict: vec![sids::RESTRICTED], ..TokenFilter::default() };
        let restricted = m.system.nt_filter_token(&m.thread, own, &filter).expect("filtered");
        m.system.nt_set_thread_token(&m.thread, CURRENT_THREAD, restricted).expect("set");
        assert_eq!(m.slot().expect("a slot").3, level);
    }
}

#[test]
fn u15_a_restricted_process_takes_an_unrestricted_token() {
    for &kernel in Kernel::NT {
        let m = Machine::new(kernel, "SR");
        let handle = m.handle(&m.token("A2"), rights::TOKEN_IMPERSONATE);
        m.system.nt_set_thread_token(&m.thread, CURRENT_THREAD, handle).expect("set");
        assert_eq!(m.slot().expect("a slot").3, 1);
    }
}
