//! The context of requests: the critical region that the framework enters around a callback, and the
//! completion that a caller with an overlapped handle gets later.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{IoControl, Options};
use psimp_nt::Status;
use support::code::Function;
use support::code::Value::{Argument, At, Of};
use support::driver::{Driver, ON_CLOSE, ON_CONTROL, ON_CREATE};
use support::run::{CODE, Opened, reply, word};

/// A driver that answers whether APCs were disabled in a function, between two steps.
fn asks(function: Function, before: fn(&mut Driver), after: fn(&mut Driver)) -> Driver {
    let mut driver = Driver::new();
    driver.rewrite(function);
    // The byte that the routine returns, in a word of zeros.
    let [result, answer] = [driver.words(&[0]), driver.words(&[0])];
    before(&mut driver);
    driver.call(function, "KeAreApcsDisabled", &[]).keep(result);
    driver.call(function, "memcpy", &[At(answer), At(result), 1.into()]);
    after(&mut driver);
    if function.0 == ON_CREATE.0 {
        driver.framework(ON_CREATE, "WdfRequestComplete", &[Of(driver.globals), Argument(1), 0.into()]);
    }
    if function.0 != ON_CONTROL.0 {
        driver.give(function, 0.into());
    }
    driver.answer(answer);
    driver
}

fn none(_: &mut Driver) {}

#[test]
fn creates_and_requests_are_dispatched_in_a_critical_region() {
    assert_eq!(word(&asks(ON_CONTROL, none, none)), 1);
    assert_eq!(word(&asks(ON_CREATE, none, none)), 1);
    // The framework enters none above APC_LEVEL.
    let mut answer = [0xFF; 8];
    let request = IoControl { irql: 2, ..IoControl::new(CODE, &[]) };
    assert_eq!(reply(&asks(ON_CONTROL, none, none), &request, &mut answer), Ok(8));
    assert_eq!(answer, [0; 8]);
}

/// The answer of a driver that asks when a file is closed.
fn at_close(before: fn(&mut Driver), after: fn(&mut Driver)) -> u64 {
    let Opened { host, thread, file, .. } = Opened::by(&asks(ON_CLOSE, before, after), Options::default());
    let other = host.open(&thread, support::driver::NAME, 3).expect("it opens");
    host.close(&thread, other).expect("it closes");
    let mut answer = [0xFF; 8];
    let sent = host.device_io_control(&thread, &file, &IoControl::new(CODE, &[]), &mut answer);
    assert_eq!(sent, Ok(8));
    u64::from_le_bytes(answer)
}

#[test]
fn no_region_is_entered_around_a_close_and_the_drivers_own_counts() {
    fn enter(driver: &mut Driver) {
        driver.call(ON_CLOSE, "KeEnterCriticalRegion", &[]);
    }
    fn leave(driver: &mut Driver) {
        driver.call(ON_CLOSE, "KeLeaveCriticalRegion", &[]);
    }
    fn enter_and_leave(driver: &mut Driver) {
        enter(driver);
        leave(driver);
    }
    assert_eq!(at_close(none, none), 0);
    assert_eq!(at_close(enter, leave), 1);
    assert_eq!(at_close(enter_and_leave, none), 0);
}

#[test]
fn a_wait_lock_is_held_in_a_critical_region() {
    for (release, expected) in [(false, 1), (true, 0)] {
        let mut driver = Driver::new();
        let globals = Of(driver.globals);
        let [lock, result, answer] = [driver.words(&[0]), driver.words(&[0]), driver.words(&[0])];
        driver.framework(ON_CONTROL, "WdfWaitLockCreate", &[globals, 0.into(), At(lock)]);
        driver.rewrite(ON_CLOSE);
        driver.framework(ON_CLOSE, "WdfWaitLockAcquire", &[globals, Of(lock), 0.into()]);
        if release {
            driver.framework(ON_CLOSE, "WdfWaitLockRelease", &[globals, Of(lock)]);
        }
        driver.call(ON_CLOSE, "KeAreApcsDisabled", &[]).keep(result);
        driver.call(ON_CLOSE, "memcpy", &[At(answer), At(result), 1.into()]);
        if !release {
            driver.framework(ON_CLOSE, "WdfWaitLockRelease", &[globals, Of(lock)]);
        }
        driver.give(ON_CLOSE, 0.into());
        driver.answer(answer);
        let Opened { host, thread, file, .. } = Opened::by(&driver, Options::default());
        let mut answer = [0xFF; 8];
        for _ in 0..2 {
            let request = IoControl::new(CODE, &[]);
            host.device_io_control(&thread, &file, &request, &mut answer).expect("it answers");
            let other = host.open(&thread, support::driver::NAME, 3).expect("it opens");
            host.close(&thread, other).expect("it closes");
        }
        assert_eq!(u64::from_le_bytes(answer), expected, "{release}");
    }
}

#[test]
fn an_overlapped_caller_gets_the_result_with_the_completion() {
    let mut driver = Driver::new();
    let word = driver.words(&[0x1122_3344_5566_7788]);
    driver.answer(word);
    let Opened { host, thread, file, .. } = Opened::by(&driver, Options::default());
    let mut output = [0xAA; 12];
    let pending = host.begin_io_control(&thread, &file, &IoControl::new(CODE, &[]), output.len());
    assert_eq!(pending.expect("it is pending").deliver(&mut output), Ok(8));
    assert_eq!(output[..8], 0x1122_3344_5566_7788_u64.to_le_bytes());
    assert_eq!(output[8..], [0xAA; 4]);
}

#[test]
fn a_completion_delivers_what_fits() {
    let mut driver = Driver::new();
    let word = driver.words(&[0x1122_3344_5566_7788]);
    driver.answer(word);
    let Opened { host, thread, file, .. } = Opened::by(&driver, Options::default());
    let pending =
        host.begin_io_control(&thread, &file, &IoControl::new(CODE, &[]), 8).expect("it is pending");
    let mut output = [0xAA; 5];
    assert_eq!((pending.deliver(&mut output), output), (Ok(5), [0x88, 0x77, 0x66, 0x55, 0x44]));
}

#[test]
fn an_overlapped_caller_gets_a_refusal_with_the_completion() {
    let mut driver = Driver::new();
    driver.complete(0xC000_0010, 0);
    let Opened { host, thread, file, .. } = Opened::by(&driver, Options::default());
    let mut output = [0xAA; 4];
    let pending = host.begin_io_control(&thread, &file, &IoControl::new(CODE, &[]), output.len());
    let delivered = pending.expect("it is pending").deliver(&mut output);
    assert_eq!((delivered, output), (Err(Status::INVALID_DEVICE_REQUEST), [0xAA; 4]));
}
