//! Group O: `OpenThreadToken`.

mod support;

use psimp_model::{Acl, FaultPoint, Kernel, TokenSpec, privileges, rights};
use psimp_nt::{Level, Status, TokenType};
use std::sync::Arc;
use support::{A5, A6, B, CURRENT_THREAD, DENIED, DISABLED_GROUP, Machine, NO_TOKEN, refs, slot_of, spec};

/// NT 5.2 needs `OpenAsSelf` FALSE for the thread to keep the copy.
fn as_self(kernel: Kernel) -> bool {
    kernel != Kernel::Nt52
}

#[test]
fn o01_o02_the_first_open_replaces_the_slots_token() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let a2 = m.token("A2");
        m.imp(&a2, true, false, 2).expect("kept");
        let first = m.open(as_self(kernel)).expect("opened");
        assert_eq!(refs(&a2), 0, "{kernel:?}");
        let second = m.open(as_self(kernel)).expect("opened");
        assert_eq!(first.id(), second.id());
        assert_ne!(first.id(), a2.id());
        assert_eq!((first.token_type(), first.level()), (TokenType::Impersonation, Level::Impersonation));
        assert_eq!(m.slot(), Some((first.id(), false, false, 2)));
    }
}

#[test]
fn o03_without_copy_on_open_both_handles_are_the_tokens() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let a2 = m.token("A2");
        m.imp(&a2, false, false, 2).expect("kept");
        assert_eq!(m.open(true).expect("opened").id(), a2.id());
        assert_eq!(m.open(true).expect("opened").id(), a2.id());
        assert_eq!(m.slot(), Some((a2.id(), false, false, 2)));
    }
}

#[test]
fn o04_the_copy_of_an_effective_only_slot_lacks_what_is_disabled() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        m.imp(&m.token("A2"), true, true, 2).expect("kept");
        let copy = m.open(as_self(kernel)).expect("opened");
        assert!(!copy.groups().iter().any(|g| g.sid == DISABLED_GROUP));
        assert!(!copy.privileges().iter().any(|p| p.luid == privileges::TIME_ZONE));
        assert_eq!(m.slot(), Some((copy.id(), false, true, 2)));
    }
}

#[test]
fn o05_o06_at_identification_only_open_as_self_works() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let a2 = m.token("A2");
        m.imp(&a2, false, false, 1).expect("kept");
        assert_eq!(m.open(false).err(), Some(A5));
        assert_eq!(m.open(true).expect("opened").id(), a2.id());
        assert_eq!(m.slot(), Some((a2.id(), false, false, 1)));
    }
}

#[test]
fn o07_nt52_creates_the_copy_without_a_check() {
    let m = Machine::new(Kernel::Nt52, "S");
    m.imp(&m.token("A2"), true, false, 1).expect("kept");
    let copy = m.open(false).expect("opened");
    assert_eq!(m.slot(), Some((copy.id(), false, false, 1)));
}

#[test]
fn o08_level_0_cannot_be_opened() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        m.imp(&m.token("A2"), true, false, 0).expect("kept");
        let before = m.slot();
        assert_eq!(m.open(true).err(), Some(A6));
        assert_eq!(m.open(false).err(), Some(A6));
        assert_eq!(m.slot(), before);
    }
}

#[test]
fn o09_no_token_comes_before_the_access_asked_for() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let opened = m.system.nt_open_thread_token(&m.thread, CURRENT_THREAD, 0xFF00_0000, true);
        assert_eq!(opened, Err(NO_TOKEN));
    }
}

#[test]
fn o10_o11_the_tokens_dacl_is_checked_as_self_or_as_the_client() {
    for kernel in [Kernel::Win10, Kernel::Nt52] {
        let m = Machine::new(kernel, "S+");
        let own = m.system.create_token(TokenSpec { acl: Some(Acl::granting(&[B])), ..spec("B2") });
        m.imp(&own, false, false, 2).expect("kept");
        assert_eq!(m.open(true).err(), Some(DENIED));
        assert_eq!(m.open(false).expect("opened").id(), own.id());
        assert_eq!(m.slot(), Some((own.id(), false, false, 2)));
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

#[test]
fn o12_the_thread_access_needed_depends_on_the_kernel() {
    for (kernel, expected) in
        [(Kernel::Win10, Ok(())), (Kernel::Documented, Ok(())), (Kernel::Nt52, Err(DENIED))]
    {
        let m = Machine::new(kernel, "S");
        m.imp(&m.token("A2"), false, false, 2).expect("kept");
        let limited = m.thread_handle(&m.thread, 0x800);
        assert_eq!(m.open_thread(limited, true).map(drop), expected);
        let full = m.thread_handle(&m.thread, 0x40);
        assert_eq!(m.open_thread(full, true).map(drop), Ok(()));
    }
}

#[test]
fn o13_x04_an_open_changes_the_slot_of_the_thread_opened() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let other = m.system.create_thread(&m.process);
        let a2 = m.token("A2");
        m.imp(&a2, true, false, 2).expect("kept");
        m.system.ps_impersonate_client(&other, Some(&a2), true, false, 2).expect("kept");
        let handle = m.thread_handle(&other, rights::THREAD_ALL_ACCESS);
        let copy = m.open_thread(handle, true).expect("opened");
        assert_eq!(slot_of(&other), Some((copy.id(), false, false, 2)));
        assert_eq!(m.slot(), Some((a2.id(), true, false, 2)));
    }
}

#[test]
fn o14_z07_a_revert_between_read_and_swap() {
    for (kernel, idle) in [(Kernel::Win10, true), (Kernel::Nt52, false)] {
        let m = Machine::new(kernel, "S");
        let other = m.system.create_thread(&m.process);
        m.system.ps_impersonate_client(&other, Some(&m.token("A2")), true, false, 2).expect("kept");
        let handle = m.thread_handle(&other, rights::THREAD_ALL_ACCESS);
        let (system, thread) = (m.system.clone(), other.clone());
        m.system.faults().interrupt_next(FaultPoint::DuplicateToken, move || {
            system.ps_revert_to_self(&thread);
        });
        let copy = m.open_thread(handle, true).expect("opened");
        let slot = slot_of(&other).map(|slot| slot.0);
        assert_eq!(slot, if idle { None } else { Some(copy.id()) });
    }
}

#[test]
fn o14_another_token_between_read_and_swap_stays() {
    let m = Machine::new(Kernel::Win10, "S");
    m.imp(&m.token("A2"), true, false, 2).expect("kept");
    let (system, thread, other) = (m.system.clone(), m.thread.clone(), m.token("A3"));
    let id = other.id();
    m.system.faults().interrupt_next(FaultPoint::DuplicateToken, move || {
        system.ps_impersonate_client(&thread, Some(&other), true, false, 3).expect("kept");
    });
    let copy = m.open(false).expect("opened");
    assert_eq!((m.slot(), refs(&copy)), (Some((id, true, false, 3)), 0));
}

#[test]
fn o15_nt52_undoes_the_swap_of_an_open_as_self() {
    let m = Machine::new(Kernel::Nt52, "S");
    let a2 = m.token("A2");
    m.imp(&a2, true, false, 2).expect("kept");
    let copy = m.open(true).expect("opened");
    assert_ne!(copy.id(), a2.id());
    assert_eq!(m.slot(), Some((a2.id(), true, false, 2)));
    assert_eq!(refs(&copy), 0);
}

#[test]
fn o16_open_as_self_does_not_show_in_the_teb() {
    for &kernel in Kernel::ALL {
        for co in [false, true] {
            let m = Machine::new(kernel, "S");
            m.imp(&m.token("A2"), co, false, 2).expect("kept");
            assert!(m.thread.teb_is_impersonating());
            m.open(true).expect("opened");
            assert!(m.thread.teb_is_impersonating());
            m.system.ps_revert_to_self(&m.thread);
            assert!(!m.thread.teb_is_impersonating());
        }
    }
}

#[test]
fn t09_a_primary_token_is_copied_into_an_impersonation_token() {
    let m = Machine::new(Kernel::Win10, "S");
    m.imp(&m.token("Ap2"), true, false, 2).expect("kept");
    let copy = m.open(true).expect("opened");
    assert_eq!((copy.token_type(), copy.level() as u32), (TokenType::Impersonation, 2));
    assert_eq!(m.slot(), Some((copy.id(), false, false, 2)));
}

#[test]
fn z08_two_opens_at_once_leave_one_copy_in_the_slot() {
    let m = Machine::new(Kernel::Win10, "S");
    let a2 = m.token("A2");
    m.imp(&a2, true, false, 2).expect("kept");
    let (system, thread) = (m.system.clone(), m.thread.clone());
    m.system.faults().interrupt_next(FaultPoint::DuplicateToken, move || {
        let inner = Machine { process: thread.process().clone(), system, thread };
        let first = inner.open(false).expect("opened");
        assert_eq!(inner.slot().map(|slot| slot.0), Some(first.id()));
    });
    let second = m.open(false).expect("opened");
    let slot = m.slot().expect("a slot");
    assert_ne!(slot.0, second.id(), "the first copy stays");
    assert_ne!(slot.0, a2.id());
    assert_eq!((Arc::strong_count(&second), refs(&a2)), (1, 0));
}

#[test]
fn m06_without_memory_for_the_copy_the_slot_stays() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let a2 = m.token("A2");
        m.imp(&a2, true, false, 2).expect("kept");
        let handles = m.process.handles().count();
        m.system.faults().fail_next(FaultPoint::DuplicateToken, Status::INSUFFICIENT_RESOURCES);
        assert_eq!(m.open(true).err(), Some(Status::INSUFFICIENT_RESOURCES));
        assert_eq!(m.slot(), Some((a2.id(), true, false, 2)));
        assert_eq!((refs(&a2), m.process.handles().count()), (1, handles));
    }
}
