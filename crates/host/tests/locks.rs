//! Each contract of wait locks, broken by a driver built for it, and threads
//! that wait for each other.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{FaultKind, IoControl};
use psimp_nt::Status;
use std::time::{Duration, Instant};
use support::code::Place;
use support::code::Value::{Argument, At, Of};
use support::driver::{Driver, ON_CONTROL, ON_UNLOAD};
use support::run::{CODE, End, fault, fault_of, life};

/// A driver that creates a lock with these attributes, or none; and the places
/// of the lock and the status.
fn made(attributes: Option<&[u64; 7]>, below_the_file: bool) -> (Driver, Place, Place) {
    let mut driver = Driver::new();
    let globals = Of(driver.globals);
    let [lock, status, file] = [driver.words(&[0]), driver.words(&[0]), driver.words(&[0])];
    let attributes = attributes.map(|words| driver.words(words));
    if let Some(attributes) = attributes.filter(|_| below_the_file) {
        driver.framework(ON_CONTROL, "WdfRequestGetFileObject", &[globals, Argument(1)]).keep(file);
        driver.code(ON_CONTROL).write(At(attributes), 32, Of(file));
    }
    let values = [globals, attributes.map_or(0.into(), At), At(lock)];
    driver.framework(ON_CONTROL, "WdfWaitLockCreate", &values).keep(status);
    (driver, lock, status)
}

/// A driver with a lock that is deleted with the driver; and where it is.
fn with_lock() -> (Driver, Place) {
    let (driver, lock, _) = made(None, false);
    (driver, lock)
}

/// Acquires without a timeout.
fn acquire(driver: &mut Driver, lock: Place) {
    driver.framework(ON_CONTROL, "WdfWaitLockAcquire", &[Of(driver.globals), Of(lock), 0.into()]);
}

fn acquire_within(driver: &mut Driver, lock: Place, timeout: i64) {
    let timeout = driver.words(&[timeout.cast_unsigned()]);
    driver.framework(ON_CONTROL, "WdfWaitLockAcquire", &[Of(driver.globals), Of(lock), At(timeout)]);
}

fn release(driver: &mut Driver, lock: Place) {
    driver.framework(ON_CONTROL, "WdfWaitLockRelease", &[Of(driver.globals), Of(lock)]);
}

const INHERITED: [u64; 7] = [56, 0, 0, 1 | 1 << 32, 0, 0, 0];

#[test]
fn a_lock_that_is_released_is_no_fault() {
    for (attributes, below_the_file) in [(None, false), (Some(&INHERITED), false), (Some(&INHERITED), true)] {
        let (mut driver, lock, _) = made(attributes, below_the_file);
        for _ in 0..3 {
            acquire(&mut driver, lock);
            release(&mut driver, lock);
        }
        driver.complete(0, 0);
        assert_eq!(life(&driver, &IoControl::new(CODE, &[]), 0), End::Well(0));
    }
}

#[test]
fn a_lock_is_not_acquired_twice() {
    let (mut driver, lock) = with_lock();
    acquire(&mut driver, lock);
    acquire(&mut driver, lock);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::Deadlock);
    assert!(message.starts_with("WdfWaitLockAcquire waits for WDFWAITLOCK "), "{message}");
    assert!(message.contains("which the calling thread itself holds since image.sys+0x"), "{message}");
}

#[test]
fn a_lock_is_released_by_who_holds_it() {
    let (mut driver, lock) = with_lock();
    release(&mut driver, lock);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::LockOwner);
    assert!(message.ends_with("but nobody holds it"), "{message}");
}

#[test]
fn a_callback_returns_without_locks() {
    let (mut driver, lock) = with_lock();
    acquire(&mut driver, lock);
    driver.complete(0, 0);
    let end = life(&driver, &IoControl::new(CODE, &[]), 0);
    let End::Fault(found) = &end else { panic!("{end:?}") };
    assert!(found.site.is_some(), "{found}");
    let (kind, message) = fault_of(end);
    assert_eq!(kind, FaultKind::LockHeld);
    assert!(message.starts_with("the driver returned while it held WDFWAITLOCK "), "{message}");
}

#[test]
fn a_lock_is_not_deleted_while_it_is_held() {
    let (mut driver, lock) = with_lock();
    acquire(&mut driver, lock);
    driver.framework(ON_CONTROL, "WdfObjectDelete", &[Of(driver.globals), Of(lock)]);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::LockHeld);
    assert!(message.contains(" was deleted while thread "), "{message}");
}

#[test]
fn a_lock_is_not_used_after_it_was_deleted() {
    let (mut driver, lock) = with_lock();
    driver.framework(ON_CONTROL, "WdfObjectDelete", &[Of(driver.globals), Of(lock)]);
    acquire(&mut driver, lock);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::FrameworkHandle);
    assert!(message.ends_with("which is deleted"), "{message}");
}

#[test]
fn a_lock_goes_with_its_parent() {
    for below_the_file in [false, true] {
        let (mut driver, lock, _) = made(Some(&INHERITED), below_the_file);
        driver.complete(0, 0);
        // The file is closed by then, the driver object is not.
        let mut other = Driver::empty();
        std::mem::swap(driver.code(ON_UNLOAD), other.code(ON_UNLOAD));
        let (globals, lock) = (Of(driver.globals), Of(lock));
        driver.framework(ON_UNLOAD, "WdfWaitLockAcquire", &[globals, lock, 0.into()]);
        driver.framework(ON_UNLOAD, "WdfWaitLockRelease", &[globals, lock]);
        driver.give(ON_UNLOAD, 0.into());
        let end = life(&driver, &IoControl::new(CODE, &[]), 0);
        if below_the_file {
            let End::Leaks(found) = end else { panic!("{end:?}") };
            assert_eq!(found[0].kind, FaultKind::FrameworkHandle, "{found:?}");
            assert!(found[0].message.ends_with("which is deleted"), "{found:?}");
        } else {
            assert_eq!(end, End::Well(0));
        }
    }
}

#[test]
fn locks_have_a_parent_and_a_type() {
    let (mut driver, lock) = with_lock();
    driver.framework(ON_CONTROL, "WdfRequestComplete", &[Of(driver.globals), Of(lock), 0.into()]);
    assert_eq!(fault(&driver).0, FaultKind::FrameworkHandle);
    let mut driver = Driver::new();
    let device = driver.device;
    acquire(&mut driver, device);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::FrameworkHandle);
    assert!(message.ends_with("and not a WDFWAITLOCK"), "{message}");
    let (driver, ..) = made(Some(&[56, 0, 0, 1 | 1 << 32, 8, 0, 0]), false);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::FrameworkHandle);
    assert!(message.ends_with("and not a framework object"), "{message}");
}

#[test]
fn attributes_of_locks_set_neither_scope_nor_level() {
    for (size, level, scope, status) in [
        (55, 1, 1, 0xC000_0004_u32),
        (56, 1, 2, 0xC020_0210),
        (56, 2, 1, 0xC020_0211),
        (56, 0, 1, 0xC020_0209),
    ] {
        let (mut driver, _, result) = made(Some(&[size, 0, 0, level | scope << 32, 0, 0, 0]), false);
        let values = [Of(driver.globals), Argument(1), Of(result)];
        driver.framework(ON_CONTROL, "WdfRequestComplete", &values);
        driver.give(ON_CONTROL, 0.into());
        let end = life(&driver, &IoControl::new(CODE, &[]), 0);
        assert_eq!(end, End::Status(Status(status)));
    }
}

#[test]
fn waiting_needs_passive_level_and_trying_does_not() {
    let (mut driver, lock) = with_lock();
    acquire(&mut driver, lock);
    let request = IoControl { irql: 2, ..IoControl::new(CODE, &[]) };
    let (kind, message) = fault_of(life(&driver, &request, 0));
    assert_eq!(kind, FaultKind::Irql);
    assert_eq!(message, "WdfWaitLockAcquire may wait at IRQL 2");
    let (mut driver, lock) = with_lock();
    acquire_within(&mut driver, lock, 0);
    release(&mut driver, lock);
    driver.complete(0, 0);
    assert_eq!(life(&driver, &request, 0), End::Well(0));
}

#[test]
fn a_timeout_ends_the_wait() {
    for (timeout, least) in [(0, 0), (-300_000, 30)] {
        let (mut driver, lock) = with_lock();
        acquire(&mut driver, lock);
        // If it had not timed out, one release would not be enough.
        acquire_within(&mut driver, lock, timeout);
        release(&mut driver, lock);
        driver.complete(0, 0);
        let begin = Instant::now();
        assert_eq!(life(&driver, &IoControl::new(CODE, &[]), 0), End::Well(0));
        assert!(begin.elapsed() >= Duration::from_millis(least));
    }
    let (mut driver, lock) = with_lock();
    acquire_within(&mut driver, lock, 1);
    assert_eq!(fault(&driver).0, FaultKind::NotModelled);
}
