//! Work items: who runs them and when, and each contract of theirs, broken by a
//! driver made for it.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{Call, Failure, FaultKind, Host, IoControl, Observer, Options, Ruling};
use psimp_model::{Flavour, Object, System};
use psimp_rules::{Level, TokenType};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::code::Value::{Argument, At, Code, Of};
use support::code::{Function, Place};
use support::driver::{Driver, NAME, ON_CONTROL, ON_CREATE};
use support::run::{CODE, fault, fault_of, life, reply};
use support::{process, token};

const INHERITED: [u64; 7] = [56, 0, 0, 1 | 1 << 32, 0, 0, 0];

/// A driver that makes a work item in its control callback.
struct Works {
    driver: Driver,
    item: Place,
    /// What `WdfWorkItemCreate` returned.
    status: Place,
    /// The callback of the work item, still empty.
    work: Function,
}

/// How a work item is made.
struct Made {
    config: [u64; 3],
    below_the_device: bool,
    with_attributes: bool,
}

const WELL_MADE: Made = Made { config: [24, 0, 0], below_the_device: true, with_attributes: true };

impl Works {
    fn new() -> Self {
        Self::made(&WELL_MADE)
    }

    fn made(made: &Made) -> Self {
        let mut driver = Driver::new();
        let work = driver.function();
        let [item, status] = [driver.words(&[0]), driver.words(&[0])];
        let [config, attributes] = [driver.words(&made.config), driver.words(&INHERITED)];
        let (globals, device) = (Of(driver.globals), Of(driver.device));
        if made.config[1] == 0 {
            driver.code(ON_CONTROL).write(At(config), 8, Code(work));
        }
        if made.below_the_device {
            driver.code(ON_CONTROL).write(At(attributes), 32, device);
        }
        let context_type = driver.context_type();
        driver.code(ON_CONTROL).write(At(attributes), 48, context_type);
        let attributes = if made.with_attributes { At(attributes) } else { 0.into() };
        let create = [globals, At(config), attributes, At(item)];
        driver.framework(ON_CONTROL, "WdfWorkItemCreate", &create).keep(status);
        Self { driver, item, status, work }
    }

    /// Calls a function of the framework with the work item.
    fn with_item(&mut self, function: Function, name: &str) {
        self.driver.framework(function, name, &[Of(self.driver.globals), Of(self.item)]);
    }

    fn enqueue(&mut self) {
        self.with_item(ON_CONTROL, "WdfWorkItemEnqueue");
    }

    fn flush(&mut self) {
        self.with_item(ON_CONTROL, "WdfWorkItemFlush");
    }

    fn delete(&mut self) {
        self.with_item(ON_CONTROL, "WdfObjectDelete");
    }

    /// The request returns a word.
    fn answer(&mut self, word: Place) {
        let buffer = self.driver.words(&[0]);
        let values = [Of(self.driver.globals), Argument(1), 1.into(), At(buffer), 0.into()];
        self.driver.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &values);
        self.driver.code(ON_CONTROL).write(Of(buffer), 0, Of(word));
        self.driver.complete(0, 8);
    }

    /// The callback returns, and the request is completed.
    fn end(&mut self) {
        self.driver.give(self.work, 0.into());
        self.driver.complete(0, 0);
    }

    /// What becomes of a driver whose request and callback end.
    fn fault(mut self) -> (FaultKind, String) {
        self.end();
        fault(&self.driver)
    }
}

fn answered(driver: &Driver) -> u64 {
    let mut output = [0; 8];
    assert_eq!(reply(driver, &IoControl::new(CODE, &[]), &mut output), Ok(8));
    u64::from_le_bytes(output)
}

#[test]
fn a_work_item_runs_on_another_thread_while_the_request_waits() {
    let mut works = Works::new();
    let kept = works.driver.words(&[0; 4]);
    let at = |word: u32| Place(kept.0 + 8 * word);
    works.driver.call(works.work, "PsGetCurrentThreadId", &[]).keep(at(0));
    works.driver.call(works.work, "PsGetCurrentProcessId", &[]).keep(at(1));
    works.driver.call(works.work, "KeGetCurrentIrql", &[]).keep(at(2));
    let parent = [Of(works.driver.globals), Argument(0)];
    works.driver.framework(works.work, "WdfWorkItemGetParentObject", &parent).keep(at(3));
    works.driver.give(works.work, 0.into());
    works.enqueue();
    // Once more: it is enqueued already.
    works.enqueue();
    works.flush();
    works.delete();
    let buffer = works.driver.words(&[0]);
    let values = [Of(works.driver.globals), Argument(1), 1.into(), At(buffer), 0.into()];
    works.driver.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &values);
    works.driver.call(ON_CONTROL, "memcpy", &[Of(buffer), At(kept), 32.into()]);
    let device = Of(works.driver.device);
    works.driver.code(ON_CONTROL).write(Of(buffer), 32, device);
    works.driver.complete(0, 40);
    let mut output = [0; 40];
    assert_eq!(reply(&works.driver, &IoControl::new(CODE, &[]), &mut output), Ok(40));
    let [thread, process, irql, parent, device] =
        [0, 1, 2, 3, 4].map(|at| u64::from_le_bytes(output[8 * at..8 * at + 8].try_into().expect("eight")));
    // The System process is the first one made, its first thread the second object.
    assert_eq!(process, 4);
    assert!(thread > 8, "{thread}");
    assert_eq!(irql & 0xFF, 0);
    assert_eq!(parent, device);
}

#[test]
fn a_work_item_uses_the_buffer_and_the_references_of_who_waits() {
    let mut works = Works::new();
    let [buffer, token] = [works.driver.words(&[0]), works.driver.words(&[0])];
    let globals = Of(works.driver.globals);
    let values = [globals, Argument(1), 8.into(), At(buffer), 0.into()];
    works.driver.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &values);
    let process = works.driver.words(&[0]);
    works.driver.call(ON_CONTROL, "PsGetCurrentProcess", &[]).keep(process);
    works.driver.call(ON_CONTROL, "PsReferencePrimaryToken", &[Of(process)]).keep(token);
    works.driver.call(works.work, "SeTokenIsRestricted", &[Of(token)]);
    works.driver.call(works.work, "PsDereferencePrimaryToken", &[Of(token)]);
    works.driver.code(works.work).write(Of(buffer), 0, 0x1234.into());
    works.driver.give(works.work, 0.into());
    works.enqueue();
    works.flush();
    works.driver.complete(0, 8);
    assert_eq!(answered(&works.driver), 0x1234);
}

#[test]
fn what_is_not_flushed_runs_before_the_device_is_gone() {
    let mut works = Works::new();
    let block = works.driver.words(&[0]);
    let allocate = [0x40.into(), 24.into(), 0x6C69_7645.into()];
    works.driver.call(works.work, "ExAllocatePool2", &allocate).keep(block);
    works.enqueue();
    works.end();
    let (kind, message) = fault_of(life(&works.driver, &IoControl::new(CODE, &[]), 0));
    assert_eq!(kind, FaultKind::PoolLeak, "{message}");
}

#[test]
fn a_work_item_can_run_again() {
    let mut works = Works::new();
    let count = works.driver.words(&[0]);
    // The second run sees what the first one left.
    let other = works.driver.words(&[7]);
    works.driver.call(works.work, "memcpy", &[At(count), At(other), 8.into()]);
    works.driver.call(works.work, "memset", &[At(other), 9.into(), 1.into()]);
    works.driver.give(works.work, 0.into());
    for _ in 0..2 {
        works.enqueue();
        works.flush();
    }
    works.answer(count);
    assert_eq!(answered(&works.driver), 9);
}

#[test]
fn creation_is_checked_as_the_framework_does() {
    for (made, status) in [
        (Made { with_attributes: false, ..WELL_MADE }, 0xC020_0212),
        (Made { below_the_device: false, ..WELL_MADE }, 0xC020_0212),
        (Made { config: [16, 0, 0], ..WELL_MADE }, 0xC000_0004),
    ] {
        let mut works = Works::made(&made);
        works.answer(works.status);
        works.driver.give(works.work, 0.into());
        assert_eq!(answered(&works.driver) & 0xFFFF_FFFF, status);
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

/// Sends the only request of a driver that gets little time.
fn soon(driver: &Driver, options: Options) -> (Result<usize, Failure>, Host) {
    let options = Options { deadline: Some(Duration::from_millis(100)), ..options };
    let system = Arc::new(System::new(Flavour::Win10));
    let host = Host::load_with(&driver.image(), system.clone(), options).expect("the driver starts");
    let (process, thread) = process(&system);
    let client = token(&system, TokenType::Impersonation, Level::Impersonation);
    process.handles().insert(Object::Token(client), 4);
    let file = host.open(&thread, NAME, 3).expect("the device opens");
    let sent = host.device_io_control(&thread, &file, &IoControl::new(CODE, &[]), &mut []);
    (sent, host)
}

fn hang(driver: &Driver) -> String {
    let begin = Instant::now();
    let (sent, host) = soon(driver, Options::default());
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
    assert_eq!(hang(&works.driver), "the driver did not return in time");
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
    let message = hang(&works.driver);
    assert!(message.contains("WdfWaitLockAcquire waits in vain for WDFWAITLOCK"), "{message}");
}

#[test]
fn a_worker_that_enqueues_itself_for_ever_is_waited_for_in_vain() {
    let mut works = Works::new();
    works.with_item(works.work, "WdfWorkItemEnqueue");
    works.enqueue();
    works.flush();
    works.end();
    let message = hang(&works.driver);
    assert!(message.contains("is enqueued again and again"), "{message}");
}

/// Notes who calls what for whom.
#[derive(Default)]
struct Notes(Mutex<Vec<(&'static str, u32, u32)>>);

impl Observer for Notes {
    fn rule(&self, call: &Call<'_>) -> Ruling {
        let known = call.function.starts_with("WdfWorkItem") || call.function == "ExAllocatePool2";
        if known {
            self.0.lock().expect("no panic").push((call.function, call.thread, call.on_behalf_of));
        }
        if call.function == "ExAllocatePool2" { Ruling::Fail } else { Ruling::Proceed }
    }
}

#[test]
fn the_observer_sees_and_fails_what_the_worker_calls_always_in_the_same_order() {
    let mut works = Works::new();
    let block = works.driver.words(&[1]);
    let allocate = [0x40.into(), 24.into(), 0x6C69_7645.into()];
    works.driver.call(works.work, "ExAllocatePool2", &allocate).keep(block);
    works.driver.give(works.work, 0.into());
    works.enqueue();
    works.flush();
    works.answer(block);
    for _ in 0..20 {
        let notes = Arc::new(Notes::default());
        let system = Arc::new(System::new(Flavour::Win10));
        let options = Options { observer: Some(notes.clone()), ..Options::default() };
        let host = Host::load_with(&works.driver.image(), system.clone(), options).expect("it starts");
        let (_, thread) = process(&system);
        let file = host.open(&thread, NAME, 3).expect("it opens");
        let mut output = [0xFF; 8];
        let request = IoControl::new(CODE, &[]);
        assert_eq!(host.device_io_control(&thread, &file, &request, &mut output), Ok(8));
        assert_eq!(output, [0; 8], "no block");
        host.close(&thread, file).expect("it closes");
        assert_eq!(host.unload(), Ok(()));
        let seen = notes.0.lock().expect("no panic").clone();
        let requester = thread.id();
        assert_eq!(
            seen.iter().map(|seen| seen.0).collect::<Vec<_>>(),
            ["WdfWorkItemCreate", "WdfWorkItemEnqueue", "WdfWorkItemFlush", "ExAllocatePool2",]
        );
        assert!(seen.iter().all(|seen| seen.2 == requester), "{seen:?}");
        assert!(seen[3].1 != requester && seen[..3].iter().all(|seen| seen.1 == requester), "{seen:?}");
    }
}

/// Threads that share a work item, each of which waits until it has run.
#[test]
fn many_requests_wait_for_one_work_item() {
    let mut works = Works::new();
    // It is made when the file is opened.
    let made = works.driver.code(ON_CONTROL).clone();
    works.driver.rewrite(ON_CONTROL);
    *works.driver.code(ON_CREATE) = made;
    let complete = [Of(works.driver.globals), Argument(1), 0.into()];
    works.driver.framework(ON_CREATE, "WdfRequestComplete", &complete);
    works.driver.give(ON_CREATE, 0.into());
    works.enqueue();
    works.flush();
    works.end();
    let system = Arc::new(System::new(Flavour::Win10));
    let host = Host::load(&works.driver.image(), system.clone()).expect("it starts");
    let (process, thread) = process(&system);
    let file = host.open(&thread, NAME, 3).expect("it opens");
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let thread = system.create_thread(&process);
                for _ in 0..500 {
                    let request = IoControl::new(CODE, &[]);
                    assert_eq!(host.device_io_control(&thread, &file, &request, &mut []), Ok(0));
                }
            });
        }
    });
    eprintln!("{:?} for each of four threads' requests", begin.elapsed() / 500);
    host.close(&thread, file).expect("it closes");
    assert_eq!(host.unload(), Ok(()));
}

#[test]
fn a_request_with_a_work_item_of_its_own_takes_little_time() {
    let mut works = Works::new();
    works.enqueue();
    works.flush();
    works.delete();
    works.end();
    let system = Arc::new(System::new(Flavour::Win10));
    let host = Host::load(&works.driver.image(), system.clone()).expect("it starts");
    let (_, thread) = process(&system);
    let file = host.open(&thread, NAME, 3).expect("it opens");
    let begin = Instant::now();
    for _ in 0..500 {
        assert_eq!(host.device_io_control(&thread, &file, &IoControl::new(CODE, &[]), &mut []), Ok(0));
    }
    let each = begin.elapsed() / 500;
    eprintln!("{each:?} for each request");
    assert!(each < Duration::from_millis(5), "{each:?}");
    host.close(&thread, file).expect("it closes");
    assert_eq!(host.unload(), Ok(()));
}
