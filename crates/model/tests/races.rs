//! Group Z: threads of the model driven by different OS threads.

mod support;

use psimp_model::{Kernel, privileges, rights};
use std::sync::Arc;
use std::thread::scope;
use support::{Machine, refs};

const ROUNDS: usize = 2000;

#[test]
fn z01_reference_against_impersonate_and_revert() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let a2 = m.token("A2");
        scope(|scope| {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    m.imp(&a2, false, false, 2).expect("kept");
                    m.system.ps_revert_to_self(&m.thread);
                }
            });
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let slot = m.thread.slot();
                    assert!(slot.is_none_or(|slot| Arc::ptr_eq(&slot.token, &a2)));
                }
            });
        });
        assert_eq!(refs(&a2), 0);
    }
}

#[test]
fn z02_z03_two_writers_never_mix() {
    for &kernel in Kernel::ALL {
        for _ in 0..50 {
            let m = Machine::new(kernel, "S");
            let (first, second) = (m.token("A2"), m.token("A3"));
            scope(|scope| {
                scope.spawn(|| m.imp(&first, true, false, 2).expect("kept"));
                scope.spawn(|| m.imp(&second, false, true, 1).expect("kept"));
            });
            let slot = m.slot().expect("a slot");
            let whole = [(first.id(), true, false, 2), (second.id(), false, true, 1)];
            assert!(whole.contains(&slot), "{slot:?}");
            assert_eq!(refs(&first) + refs(&second), 1);
        }
    }
}

#[test]
fn z07_z08_opens_against_reverts_leave_no_token_behind() {
    let m = Machine::new(Kernel::Win10, "S");
    let a2 = m.token("A2");
    let opener = Machine {
        system: m.system.clone(),
        process: m.process.clone(),
        thread: m.system.create_thread(&m.process),
    };
    let target = m.thread_handle(&m.thread, rights::THREAD_ALL_ACCESS);
    let before = m.system.logon_session_references(support::LOGON_A);
    scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                m.imp(&a2, true, false, 2).expect("kept");
                m.system.ps_revert_to_self(&m.thread);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    match opener.open_thread(target, true) {
                        Ok(token) => assert_eq!(token.user(), support::A),
                        Err(status) => assert_eq!(status, support::NO_TOKEN),
                    }
                }
            });
        }
    });
    assert_eq!((m.slot(), refs(&a2)), (None, 0));
    assert_eq!(m.system.logon_session_references(support::LOGON_A), before);
}

#[test]
fn z09_a_privilege_that_comes_and_goes() {
    let m = Machine::new(Kernel::Win10, "S+");
    let b2 = m.token("B2");
    let primary = m.process.primary();
    scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                primary.adjust_privilege(privileges::IMPERSONATE, round % 2 == 0);
            }
        });
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                m.imp(&b2, false, false, 2).expect("stored");
                let slot = m.thread.slot().expect("a slot");
                assert_eq!(slot.level == 2, Arc::ptr_eq(&slot.token, &b2), "K2 or C1");
            }
        });
    });
}
