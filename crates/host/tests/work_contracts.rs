//! Each contract of work items, broken by a driver built for it.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{Failure, FaultKind, Host, IoControl, Options};
use psimp_model::{Kernel, System};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::code::Place;
use support::code::Value::{At, Of};
use support::driver::{Driver, NAME, ON_CONTROL};
use support::process;
use support::run::{CODE, fault_of, life, word};
use support::works::{Made, WELL_MADE, Works};

#[test]
fn creation_is_checked_as_the_framework_does() {
    for (made, status) in [
        (Made { with_attributes: false, ..WELL_MADE }, 0xC020_0212),
        (Made { below_the_device: false, ..WELL_MADE }, 0xC020_0212),
        (Made { config: [16, 0, 0], ..WELL_MADE }, 0xC000_0004),
    ] {
        let mut works = Works::made(&made);
        works.driver.answer(works.status);
        works.driver.give(works.work, 0.into());
        assert_eq!(word(&works.driver) & 0xFFFF_FFFF, status);
    }
    let works = Works::made(&Made { config: [24, 0, 1], ..WELL_MADE });
    let (kind, message) = works.fault();
    assert_eq!(kind, FaultKind::NotModelled);
    assert!(message.contains("asks for AutomaticSerialization"), "{message}");
}

#[test]
fn a_callback_is_code() {
    let mut works = Works::made(&Made { config: [24, 0x1234, 0], ..WELL_MADE });
    works.enqueue();
    works.flush();
    let (kind, message) = works.fault();
    assert_eq!(kind, FaultKind::BadArgument);
    assert!(message.contains("gave 0x1234 as a function, where it has no code"), "{message}");
}

#[test]
fn a_work_item_is_not_used_after_it_was_deleted() {
    for name in ["WdfWorkItemEnqueue", "WdfWorkItemFlush", "WdfWorkItemGetParentObject", "WdfObjectDelete"] {
        let mut works = Works::new();
        works.delete();
        works.with_item(ON_CONTROL, name);
        let (kind, message) = works.fault();
        assert_eq!(kind, FaultKind::FrameworkHandle);
        assert!(message.starts_with(&format!("{name} was given WDFWORKITEM ")), "{message}");
        assert!(message.contains("which is deleted"), "{message}");
    }
}

#[test]
fn a_callback_does_not_wait_for_itself() {
    let mut works = Works::new();
    works.with_item(works.work, "WdfWorkItemFlush");
    works.enqueue();
    works.flush();
    let (kind, message) = works.fault();
    assert_eq!(kind, FaultKind::Deadlock);
    assert!(message.contains("whose callback the calling thread itself runs"), "{message}");
}

#[test]
fn a_callback_that_deletes_itself_is_not_modelled() {
    let mut works = Works::new();
    works.with_item(works.work, "WdfObjectDelete");
    works.enqueue();
    works.flush();
    let (kind, message) = works.fault();
    assert_eq!(kind, FaultKind::NotModelled);
    assert!(message.contains("deletes the work item whose callback calls"), "{message}");
}

#[test]
fn flushing_waits_and_so_needs_the_passive_level() {
    let mut works = Works::new();
    works.flush();
    works.end();
    let request = IoControl { irql: 2, ..IoControl::new(CODE, &[]) };
    let (kind, message) = fault_of(life(&works.driver, &request, 0));
    assert_eq!(kind, FaultKind::Irql);
    assert!(message.contains("WdfWorkItemFlush was called at IRQL 2"), "{message}");
}

#[test]
fn the_worker_does_not_impersonate_when_it_returns() {
    let mut works = Works::new();
    let [quality, context] = [works.driver.words(&[0xC | 2 << 32, 0]), works.driver.words(&[0; 9])];
    let thread = works.driver.words(&[0]);
    works.driver.call(works.work, "PsGetCurrentThread", &[]).keep(thread);
    let create = [Of(thread), At(quality), 0.into(), At(context)];
    works.driver.call(works.work, "SeCreateClientSecurity", &create);
    works.driver.call(works.work, "SeImpersonateClientEx", &[At(context), 0.into()]);
    works.driver.call(works.work, "PsDereferenceImpersonationToken", &[Of(Place(context.0 + 16))]);
    works.enqueue();
    works.flush();
    let (kind, message) = works.fault();
    assert_eq!(kind, FaultKind::BugCheck);
    assert!(message.contains("0xDF (IMPERSONATING_WORKER_THREAD)"), "{message}");
}

#[test]
fn a_fault_of_the_worker_is_the_requests() {
    let mut works = Works::new();
    works.driver.code(works.work).read(0x18.into());
    works.enqueue();
    works.flush();
    let (kind, message) = works.fault();
    assert_eq!(kind, FaultKind::MemoryAccess);
    assert!(message.contains("accessed memory at 0x18, next to null"), "{message}");
}

/// A short time limit.
const SHORT: Duration = Duration::from_millis(100);

/// Sends the only request of a driver with a time limit.
fn soon(driver: &Driver, limit: Duration) -> (Result<usize, Failure>, Host) {
    let options = Options { deadline: Some(limit), ..Options::default() };
    let system = Arc::new(System::new(Kernel::Win10));
    let host = Host::load_with(&driver.image(), system.clone(), options).expect("the driver starts");
    let (_, thread) = process(&system);
    let file = host.open(&thread, NAME, 3).expect("the device opens");
    let sent = host.device_io_control(&thread, &file, &IoControl::new(CODE, &[]), &mut []);
    (sent, host)
}

fn hang(driver: &Driver, limit: Duration) -> String {
    let begin = Instant::now();
    let (sent, host) = soon(driver, limit);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    match sent {
        Err(Failure::Fault(fault)) if fault.kind == FaultKind::Hang => {
            assert_eq!(host.faults(), std::slice::from_ref(&fault));
            fault.message
        }
        other => panic!("no hang: {other:?}"),
    }
}

#[test]
fn a_worker_that_does_not_return_is_ended_and_so_is_who_waits() {
    let mut works = Works::new();
    // jmp to itself
    works.driver.code(works.work).raw(&[0xEB, 0xFE]);
    works.enqueue();
    works.flush();
    works.end();
    // Who waits gives up after three limits. On a machine with other work, short ones are too close.
    assert_eq!(hang(&works.driver, 5 * SHORT), "the driver did not return in time");
}

#[test]
fn a_worker_waits_in_vain_for_what_holds_who_waits_for_it() {
    let mut works = Works::new();
    let lock = works.driver.words(&[0]);
    let globals = Of(works.driver.globals);
    works.driver.framework(ON_CONTROL, "WdfWaitLockCreate", &[globals, 0.into(), At(lock)]);
    works.driver.framework(ON_CONTROL, "WdfWaitLockAcquire", &[globals, Of(lock), 0.into()]);
    works.driver.framework(works.work, "WdfWaitLockAcquire", &[globals, Of(lock), 0.into()]);
    works.enqueue();
    works.flush();
    works.end();
    let message = hang(&works.driver, SHORT);
    assert!(message.contains("WdfWaitLockAcquire gives up waiting for WDFWAITLOCK"), "{message}");
}

#[test]
fn a_worker_that_enqueues_itself_for_ever_is_waited_for_in_vain() {
    let mut works = Works::new();
    works.with_item(works.work, "WdfWorkItemEnqueue");
    works.enqueue();
    works.flush();
    works.end();
    let message = hang(&works.driver, SHORT);
    assert!(message.contains("is enqueued again and again"), "{message}");
}
