//! Group S: saving and restoring an impersonation.

mod support;

use psimp_model::{ImpersonationState, Kernel, privileges};
use psimp_nt::Status;
use std::sync::Arc;
use support::{Machine, refs};

const KERNELS: [Kernel; 2] = [Kernel::Win10, Kernel::Nt52];

#[test]
fn s01_four_values_bring_an_impersonation_back() {
    for kernel in KERNELS {
        let m = Machine::new(kernel, "S+");
        let (a2, b2) = (m.token("A2"), m.token("B2"));
        m.imp(&a2, true, true, 2).expect("kept");
        let saved = m.thread.slot().expect("a slot");
        m.imp(&b2, false, false, 2).expect("kept");
        m.imp(&saved.token, saved.copy_on_open, saved.effective_only, saved.level).expect("kept");
        assert_eq!(refs(&a2), 2, "S03: without the last dereference, one too many");
        m.system.ps_dereference_impersonation_token(Some(saved.token));
        assert_eq!(m.slot(), Some((a2.id(), true, true, 2)));
        assert_eq!((refs(&a2), refs(&b2)), (1, 0));
    }
}

#[test]
fn s04_five_nested_saves_unwind_exactly() {
    for kernel in KERNELS {
        let m = Machine::new(kernel, "S+");
        let tokens: Vec<_> = ["A2", "B2", "N2", "AR2", "A2"].map(|name| m.token(name)).into();
        let mut saved = Vec::new();
        for token in &tokens {
            saved.push(m.thread.slot());
            m.imp(token, false, false, 2).expect("kept");
        }
        for (token, slot) in tokens.iter().zip(saved).rev() {
            assert_eq!(m.slot(), Some((token.id(), false, false, 2)));
            match slot {
                Some(s) => m.imp(&s.token, s.copy_on_open, s.effective_only, s.level).expect("kept"),
                None => m.system.ps_revert_to_self(&m.thread),
            }
        }
        assert_eq!(m.slot(), None);
        assert!(tokens.iter().all(|token| refs(token) == 0));
    }
}

#[test]
fn s05_s07_a_restore_decides_again() {
    for kernel in KERNELS {
        let m = Machine::new(kernel, "S+");
        let (a2, b2) = (m.token("A2"), m.token("B2"));
        m.imp(&b2, false, false, 2).expect("kept");
        m.process.primary().adjust_privilege(privileges::IMPERSONATE, false);
        let saved = m.thread.slot().expect("a slot");
        m.imp(&a2, false, false, 2).expect("kept");
        m.system.faults().fail_next(psimp_model::FaultPoint::DuplicateToken, Status::INSUFFICIENT_RESOURCES);
        let restore = || m.imp(&saved.token, false, false, saved.level);
        assert_eq!(restore(), Err(Status::INSUFFICIENT_RESOURCES));
        assert_eq!(m.slot(), Some((a2.id(), false, false, 2)), "S07: still the inner token");
        restore().expect("downgraded");
        let (id, _, _, level) = m.slot().expect("a slot");
        assert_ne!(id, b2.id());
        assert_eq!(level, 1);
    }
}

#[test]
fn s06_disable_and_restore_decide_nothing() {
    for kernel in KERNELS {
        let m = Machine::new(kernel, "S+");
        let b2 = m.token("B2");
        m.imp(&b2, true, true, 2).expect("kept");
        m.process.primary().adjust_privilege(privileges::IMPERSONATE, false);
        let state = m.thread.disable_impersonation();
        assert!(state.was_impersonating());
        assert_eq!((m.slot(), refs(&b2)), (None, 1));
        m.imp(&m.token("A2"), false, false, 2).expect("kept");
        m.thread.restore_impersonation(state);
        assert_eq!((m.slot(), refs(&b2)), (Some((b2.id(), true, true, 2)), 1));
    }
}

#[test]
fn s10_the_saved_reference_keeps_the_token() {
    let m = Machine::new(Kernel::Win10, "S");
    m.imp(&m.token("A2"), false, false, 2).expect("kept");
    let saved = m.thread.slot().expect("a slot");
    m.system.ps_revert_to_self(&m.thread);
    assert_eq!((saved.token.user(), Arc::strong_count(&saved.token)), (support::A, 1));
}

#[test]
fn s11_z15_restore_wins_over_what_came_in_between() {
    for kernel in KERNELS {
        let m = Machine::new(kernel, "S+");
        let (a2, b2) = (m.token("A2"), m.token("B2"));
        m.imp(&a2, false, false, 2).expect("kept");
        let state = m.thread.disable_impersonation();
        m.imp(&b2, false, false, 2).expect("kept");
        m.thread.restore_impersonation(state);
        assert_eq!(m.slot().map(|slot| slot.0), Some(a2.id()));
        assert_eq!((refs(&a2), refs(&b2)), (1, 0));
    }
}

#[test]
fn s12_disable_and_restore_on_an_idle_thread() {
    let m = Machine::new(Kernel::Win10, "S");
    let state = m.thread.disable_impersonation();
    assert!(!state.was_impersonating());
    m.thread.restore_impersonation(state);
    assert_eq!(m.slot(), None);
}

#[test]
fn s13_a_revert_does_not_reach_what_was_moved_out() {
    let m = Machine::new(Kernel::Win10, "S");
    let a2 = m.token("A2");
    m.imp(&a2, false, false, 2).expect("kept");
    let state = m.thread.disable_impersonation();
    m.system.ps_revert_to_self(&m.thread);
    m.thread.restore_impersonation(state);
    assert_eq!(m.slot(), Some((a2.id(), false, false, 2)));
}

#[test]
fn s14_a_state_outlives_its_thread() {
    let m = Machine::new(Kernel::Win10, "S");
    let a2 = m.token("A2");
    m.imp(&a2, false, false, 2).expect("kept");
    let state = m.thread.disable_impersonation();
    let Machine { system: _system, process: _process, thread } = m;
    thread.terminate();
    drop(thread);
    assert_eq!(refs(&a2), 1, "a kernel never gives this one back");
    drop(state);
    assert_eq!(refs(&a2), 0);
}

#[test]
fn s15_the_last_state_restored_counts() {
    let m = Machine::new(Kernel::Win10, "S");
    let a2 = m.token("A2");
    m.imp(&a2, false, false, 2).expect("kept");
    let (first, second) = (m.thread.disable_impersonation(), m.thread.disable_impersonation());
    m.thread.restore_impersonation(first);
    assert_eq!(m.slot().map(|slot| slot.0), Some(a2.id()));
    m.thread.restore_impersonation(second);
    assert_eq!((m.slot(), refs(&a2)), (None, 0));
}

#[test]
fn s16_an_open_as_self_between_disable_and_restore() {
    let m = Machine::new(Kernel::Win10, "S+");
    let (a2, b2) = (m.token("A2"), m.token("B2"));
    m.imp(&a2, false, false, 2).expect("kept");
    let state = m.thread.disable_impersonation();
    assert_eq!(m.open(true).err(), Some(support::NO_TOKEN));
    m.imp(&b2, false, false, 2).expect("kept");
    assert_eq!(m.open(true).expect("opened").id(), b2.id());
    m.thread.restore_impersonation(state);
    assert_eq!((m.slot().map(|slot| slot.0), refs(&b2)), (Some(a2.id()), 0));
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
