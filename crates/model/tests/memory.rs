//! Group M: memory failure.

mod support;

use psimp_model::{FaultPoint, Kernel};
use psimp_nt::Status;
use support::{Machine, refs};

const NONE: Status = Status(0xC000_009A);

#[test]
fn m01_the_first_impersonation_needs_a_block() {
    for (kernel, expected) in [
        (Kernel::Nt52, Err(Status(0xC000_009A))),
        (Kernel::Documented, Err(Status(0xC000_0017))),
        (Kernel::Win10, Ok(())),
    ] {
        let m = Machine::new(kernel, "S");
        let a2 = m.token("A2");
        m.system.faults().fail_next(FaultPoint::ThreadBlock, NONE);
        assert_eq!(m.imp(&a2, false, false, 2), expected);
        assert_eq!((m.slot().is_some(), refs(&a2)), (expected.is_ok(), usize::from(expected.is_ok())));
    }
}

#[test]
fn m02_the_block_stays_with_the_thread() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let a2 = m.token("A2");
        m.imp(&a2, false, false, 2).expect("kept");
        m.system.ps_revert_to_self(&m.thread);
        m.system.faults().fail_next(FaultPoint::ThreadBlock, NONE);
        assert_eq!(m.imp(&a2, false, false, 2), Ok(()));
    }
}

#[test]
fn m03_without_memory_for_the_copy_nothing_changes() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let (a2, b2) = (m.token("A2"), m.token("B2"));
        m.imp(&a2, true, false, 2).expect("kept");
        let primary = m.process.primary();
        let before = refs(&primary);
        m.system.faults().fail_next(FaultPoint::DuplicateToken, NONE);
        assert_eq!(m.imp(&b2, false, false, 2), Err(NONE));
        assert_eq!(m.slot(), Some((a2.id(), true, false, 2)));
        assert_eq!((refs(&b2), refs(&primary)), (0, before));
    }
}

#[test]
fn m04_windows_10_keeps_a_token_without_memory() {
    for point in [FaultPoint::ThreadBlock, FaultPoint::DuplicateToken, FaultPoint::FilterToken] {
        let m = Machine::new(Kernel::Win10, "S");
        m.system.faults().fail_next(point, NONE);
        assert_eq!(m.imp(&m.token("A2"), false, false, 2), Ok(()));
    }
}

#[test]
fn m05_ending_needs_no_memory() {
    for &kernel in Kernel::ALL {
        for point in [FaultPoint::ThreadBlock, FaultPoint::DuplicateToken] {
            let m = Machine::new(kernel, "S");
            let idle = m.system.create_thread(&m.process);
            m.imp(&m.token("A2"), false, false, 2).expect("kept");
            m.system.faults().fail_next(point, NONE);
            for thread in [&m.thread, &idle] {
                assert_eq!(m.system.ps_impersonate_client(thread, None, true, true, 77), Ok(()), "N02");
                m.system.ps_revert_to_self(thread);
                assert!(thread.slot().is_none());
            }
        }
    }
}
