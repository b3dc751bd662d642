//! Concurrent threads in a driver: locks that they wait for, references that one takes and another
//! releases.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{
    Call, Decision, Failure, Fault, FaultKind, File, Host, IoControl, Observer, Options, Waiting,
};
use psimp_model::{Kernel, Object, Process, System, Thread};
use psimp_nt::{Level, Status, TokenType};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use support::code::Place;
use support::code::Value::{Argument, At, Of};
use support::driver::{Driver, NAME, ON_CLOSE, ON_CONTROL, ON_CREATE};
use support::run::{CODE, TOKEN_HANDLE};
use support::{process, token};

/// The call at which [`Gate`] blocks a thread.
const MARK: &str = "KeGetCurrentIrql";

/// Blocks the first thread that reaches [`MARK`] until it is released.
#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Nobody,
    Kept,
    Open,
}

impl Gate {
    fn set(&self, state: State) {
        *self.state.lock().expect("no panic") = state;
        self.changed.notify_all();
    }

    fn wait_for(&self, state: State) {
        let now = self.state.lock().expect("no panic");
        drop(self.changed.wait_while(now, |now| *now != state).expect("no panic"));
    }
}

impl Observer for Gate {
    fn rule(&self, call: &Call<'_>) -> Decision {
        if call.function == MARK {
            let first = *self.state.lock().expect("no panic") == State::Nobody;
            if first {
                self.set(State::Kept);
                self.wait_for(State::Open);
            }
        }
        Decision::Proceed
    }
}

/// A running driver, with two open files and a token.
struct Running {
    host: Host,
    gate: Arc<Gate>,
    system: Arc<System>,
    process: Arc<Process>,
    thread: Arc<Thread>,
    files: [File; 2],
}

impl Running {
    fn new(driver: &Driver, deadline: Duration) -> Self {
        let system = Arc::new(System::new(Kernel::Win10));
        let gate = Arc::new(Gate::default());
        let options =
            Options { observer: Some(gate.clone()), deadline: Some(deadline), ..Options::default() };
        let host = Host::load_with(&driver.image(), system.clone(), options).expect("the driver starts");
        let (process, thread) = process(&system);
        let client = token(&system, TokenType::Impersonation, Level::Impersonation);
        assert_eq!(process.handles().insert(Object::Token(client), 4), TOKEN_HANDLE);
        let files = [(), ()].map(|()| host.open(&thread, NAME, 3).expect("the device opens"));
        Self { host, gate, system, process, thread, files }
    }

    fn control(&self, thread: &Arc<Thread>, output: &mut [u8]) -> Result<usize, Failure> {
        self.host.device_io_control(thread, &self.files[0], &IoControl::new(CODE, &[]), output)
    }

    /// One thread sends a request and is blocked at the mark; meanwhile another thread runs an
    /// action, and then the first one continues.
    fn meanwhile<R: Send>(
        &self,
        other: impl FnOnce(&Arc<Thread>) -> R + Send,
    ) -> (Result<usize, Failure>, R) {
        std::thread::scope(|scope| {
            let first = scope.spawn(|| self.control(&self.thread, &mut []));
            self.gate.wait_for(State::Kept);
            let second = self.system.create_thread(&self.process);
            let done = scope.spawn(move || other(&second)).join().expect("no panic");
            self.gate.set(State::Open);
            (first.join().expect("no panic"), done)
        })
    }

    fn end(self) -> Result<(), Vec<Fault>> {
        for file in self.files {
            self.host.close(&self.thread, file).expect("the file closes");
        }
        self.host.unload()
    }
}

/// A driver whose create callback creates a lock below the driver object, and whose close callback
/// is empty; and the lock's place.
fn with_lock() -> (Driver, Place) {
    let mut driver = Driver::new();
    let lock = driver.words(&[0]);
    let globals = Of(driver.globals);
    for function in [ON_CREATE, ON_CLOSE] {
        std::mem::swap(driver.code(function), Driver::empty().code(function));
    }
    driver.framework(ON_CREATE, "WdfWaitLockCreate", &[globals, 0.into(), At(lock)]);
    driver.framework(ON_CREATE, "WdfRequestComplete", &[globals, Argument(1), 0.into()]);
    driver.give(ON_CREATE, 0.into());
    (driver, lock)
}

const TEN_SECONDS: Duration = Duration::from_secs(10);

#[test]
fn a_lock_keeps_threads_apart() {
    const EACH: u64 = 3_000;
    const THREADS: u64 = 4;
    let (mut driver, lock) = with_lock();
    driver.give(ON_CLOSE, 0.into());
    let [count, buffer] = [driver.words(&[0]), driver.words(&[0])];
    let globals = Of(driver.globals);
    driver.framework(ON_CONTROL, "WdfWaitLockAcquire", &[globals, Of(lock), 0.into()]);
    // inc rax, between a read and a write that other threads could get between.
    driver.code(ON_CONTROL).read(At(count)).raw(&[0x48, 0xFF, 0xC0]).keep(count);
    let values = [globals, Argument(1), 8.into(), At(buffer), 0.into()];
    driver.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &values);
    driver.code(ON_CONTROL).write(Of(buffer), 0, Of(count));
    driver.framework(ON_CONTROL, "WdfWaitLockRelease", &[globals, Of(lock)]);
    driver.complete(0, 8);
    let running = Running::new(&driver, TEN_SECONDS);
    let mut seen: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| send_many(&running, EACH))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    seen.sort_unstable();
    assert_eq!(seen, (1..=EACH * THREADS).collect::<Vec<_>>());
    assert_eq!(running.end(), Ok(()));
}

/// The driver's counter at each request.
fn send_many(running: &Running, count: u64) -> Vec<u64> {
    let thread = running.system.create_thread(&running.process);
    let mut output = [0; 8];
    let one = |_| {
        assert_eq!(running.control(&thread, &mut output), Ok(8));
        u64::from_le_bytes(output)
    };
    (0..count).map(one).collect()
}

/// As [`with_lock`]; the control callback acquires the lock, and calls [`MARK`].
fn marked() -> (Driver, Place) {
    let (mut driver, lock) = with_lock();
    driver.framework(ON_CONTROL, "WdfWaitLockAcquire", &[Of(driver.globals), Of(lock), 0.into()]);
    driver.call(ON_CONTROL, MARK, &[]);
    (driver, lock)
}

#[test]
fn a_lock_is_not_released_by_another_thread() {
    let (mut driver, lock) = marked();
    driver.framework(ON_CONTROL, "WdfWaitLockRelease", &[Of(driver.globals), Of(lock)]);
    driver.complete(0, 0);
    driver.framework(ON_CLOSE, "WdfWaitLockRelease", &[Of(driver.globals), Of(lock)]);
    driver.give(ON_CLOSE, 0.into());
    let mut running = Running::new(&driver, TEN_SECONDS);
    let spare = running.host.open(&running.thread, NAME, 3).expect("the device opens");
    let file = std::mem::replace(&mut running.files[1], spare);
    let (_, closed) = running.meanwhile(|thread| running.host.close(thread, file));
    let Err(Failure::Fault(fault)) = closed else { panic!("{closed:?}") };
    assert_eq!(fault.kind, FaultKind::LockOwner);
    let holder = format!("but thread {} holds it since image.sys+0x", running.thread.id());
    assert!(fault.message.contains(&holder), "{fault}");
}

#[test]
fn a_wait_in_vain_is_a_fault() {
    let (mut driver, lock) = marked();
    driver.framework(ON_CONTROL, "WdfWaitLockRelease", &[Of(driver.globals), Of(lock)]);
    driver.complete(0, 0);
    driver.give(ON_CLOSE, 0.into());
    let running = Running::new(&driver, Duration::from_millis(100));
    let (_, waited) = running.meanwhile(|thread| running.control(thread, &mut []));
    let Err(Failure::Fault(fault)) = waited else { panic!("{waited:?}") };
    assert_eq!(fault.kind, FaultKind::Hang);
    assert!(fault.message.starts_with("WdfWaitLockAcquire gives up waiting for WDFWAITLOCK "), "{fault}");
}

/// As [`with_lock`]; the control callback takes two references on the token, the second one with
/// `ObfReferenceObject`, and stores them under the lock.
fn keeping() -> (Driver, Place, Place) {
    let (mut driver, lock) = with_lock();
    let globals = Of(driver.globals);
    let kind = driver.variable(ON_CONTROL, "SeTokenObjectType");
    let kept = driver.words(&[0]);
    driver.framework(ON_CONTROL, "WdfWaitLockAcquire", &[globals, Of(lock), 0.into()]);
    let values = [TOKEN_HANDLE.into(), 4.into(), Of(kind), 1.into(), At(kept), 0.into()];
    driver.call(ON_CONTROL, "ObReferenceObjectByHandle", &values);
    driver.call(ON_CONTROL, "ObfReferenceObject", &[Of(kept)]);
    driver.framework(ON_CONTROL, "WdfWaitLockRelease", &[globals, Of(lock)]);
    driver.call(ON_CONTROL, MARK, &[]);
    driver.complete(0, 0);
    (driver, lock, kept)
}

#[test]
fn references_kept_under_a_lock_are_any_threads() {
    let (mut driver, lock, kept) = keeping();
    let globals = Of(driver.globals);
    driver.framework(ON_CLOSE, "WdfWaitLockAcquire", &[globals, Of(lock), 0.into()]);
    driver.call(ON_CLOSE, "SeTokenIsRestricted", &[Of(kept)]);
    driver.call(ON_CLOSE, "ObfDereferenceObject", &[Of(kept)]);
    driver.framework(ON_CLOSE, "WdfWaitLockRelease", &[globals, Of(lock)]);
    driver.give(ON_CLOSE, 0.into());
    let Running { host, gate, system, process, thread, files } = Running::new(&driver, TEN_SECONDS);
    let [first, second] = files;
    // While the thread that took them is still in the driver.
    let request = IoControl::new(CODE, &[]);
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| host.device_io_control(&thread, &first, &request, &mut []));
        gate.wait_for(State::Kept);
        let closed = host.close(&system.create_thread(&process), second);
        let held = host.held();
        gate.set(State::Open);
        assert_eq!(closed, Ok(()));
        assert_eq!(held.len(), 1, "{held:?}");
        assert_eq!(sent.join().expect("no panic"), Ok(0));
    });
    // The other one after it has left.
    assert_eq!(host.close(&system.create_thread(&process), first), Ok(()));
    assert_eq!(host.held(), []);
    assert_eq!(host.unload(), Ok(()));
}

#[test]
fn references_that_outlive_their_thread_are_reported_by_site() {
    let (mut driver, ..) = keeping();
    driver.give(ON_CLOSE, 0.into());
    let running = Running::new(&driver, TEN_SECONDS);
    running.gate.set(State::Open);
    let sent = std::thread::scope(|scope| {
        scope.spawn(|| running.control(&running.thread, &mut [])).join().expect("no panic")
    });
    assert_eq!(sent, Ok(0));
    let leaks = running.end().expect_err("two references");
    let functions = ["ObReferenceObjectByHandle", "ObfReferenceObject"];
    assert_eq!(leaks.len(), functions.len(), "{leaks:?}");
    for (leak, function) in leaks.iter().zip(functions) {
        assert_eq!(leak.kind, FaultKind::ReferenceLeak);
        assert!(leak.message.starts_with(&format!("the reference that {function} gave on token ")), "{leak}");
    }
    assert_ne!(leaks[0].site, leaks[1].site);
    assert!(leaks.iter().all(|leak| leak.site.is_some()), "{leaks:?}");
}

/// Counts the waits, and gives the same answer to each.
struct Advises {
    gate: Gate,
    waiting: Waiting,
    asked: AtomicU32,
}

impl Observer for Advises {
    fn rule(&self, call: &Call) -> Decision {
        self.gate.rule(call)
    }

    fn wait(&self, _thread: u32) -> Waiting {
        // The lock is held until another thread waits for it.
        if self.asked.fetch_add(1, Ordering::Relaxed) == 0 && self.waiting != Waiting::Abandon {
            self.gate.set(State::Open);
        }
        self.waiting
    }
}

/// A thread holds the lock at the mark, and another sends a request meanwhile: the results of
/// both, the number of calls of the observer, and the faults.
fn contended(
    waiting: Waiting,
    releases: bool,
) -> (Result<usize, Failure>, Result<usize, Failure>, u32, Vec<Fault>) {
    let (mut driver, lock) = marked();
    if releases {
        driver.framework(ON_CONTROL, "WdfWaitLockRelease", &[Of(driver.globals), Of(lock)]);
    }
    driver.complete(0, 0);
    driver.give(ON_CLOSE, 0.into());
    let system = Arc::new(System::new(Kernel::Win10));
    let observer = Arc::new(Advises { gate: Gate::default(), waiting, asked: AtomicU32::new(0) });
    let options =
        Options { observer: Some(observer.clone()), deadline: Some(TEN_SECONDS), ..Options::default() };
    let host = Host::load_with(&driver.image(), system.clone(), options).expect("the driver starts");
    let (process, thread) = process(&system);
    let file = host.open(&thread, NAME, 3).expect("the device opens");
    let send =
        |thread: &Arc<Thread>| host.device_io_control(thread, &file, &IoControl::new(CODE, &[]), &mut []);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| send(&thread));
        observer.gate.wait_for(State::Kept);
        let second = send(&system.create_thread(&process));
        observer.gate.set(State::Open);
        let first = first.join().expect("no panic");
        (first, second, observer.asked.load(Ordering::Relaxed), host.faults())
    })
}

#[test]
fn an_observer_may_have_a_thread_try_a_lock_again() {
    let (first, second, asked, _) = contended(Waiting::Again, true);
    assert_eq!((first, second), (Ok(0), Ok(0)));
    assert!(asked >= 1);
}

#[test]
fn nobody_waits_for_a_driver_that_was_ended() {
    // The first thread returns while it holds the lock, which ends the driver.
    let (first, second, asked, faults) = contended(Waiting::Sleep, false);
    let Err(Failure::Fault(fault)) = &first else { panic!("{first:?}") };
    assert_eq!(fault.kind, FaultKind::LockHeld);
    assert!(asked >= 1);
    assert_eq!(second, first);
    assert_eq!(faults, std::slice::from_ref(fault));
}

#[test]
fn an_observer_may_say_that_nobody_releases_a_lock() {
    let (_, second, asked, _) = contended(Waiting::Abandon, true);
    let Err(Failure::Fault(fault)) = second else { panic!("{second:?}") };
    assert_eq!((fault.kind, asked), (FaultKind::Hang, 1));
    assert!(fault.message.contains("gives up waiting for WDFWAITLOCK"), "{fault}");
}

#[test]
fn a_cancelled_request_is_told_and_completes_all_the_same() {
    let mut driver = Driver::new();
    let [buffer, told] = [driver.words(&[0]), driver.words(&[0])];
    let globals = Of(driver.globals);
    let values = [globals, Argument(1), 8.into(), At(buffer), 0.into()];
    driver.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &values);
    driver.call(ON_CONTROL, MARK, &[]);
    driver.framework(ON_CONTROL, "WdfRequestIsCanceled", &[globals, Argument(1)]);
    // movzx eax, al: a BOOLEAN is one byte.
    driver.code(ON_CONTROL).raw(&[0x0F, 0xB6, 0xC0]).keep(told);
    driver.code(ON_CONTROL).write(Of(buffer), 0, Of(told));
    driver.complete(0, 8);
    let running = Running::new(&driver, TEN_SECONDS);
    let mut output = [0; 8];
    let cancelled = std::thread::scope(|scope| {
        let sent = scope.spawn(|| running.control(&running.thread, &mut output));
        running.gate.wait_for(State::Kept);
        let cancelled = running.host.cancel(&running.files[0]);
        running.gate.set(State::Open);
        assert_eq!(sent.join().expect("no panic"), Ok(8));
        cancelled
    });
    assert_eq!((cancelled, u64::from_le_bytes(output)), (Ok(()), 1));
    let idle = running.host.cancel(&running.files[0]);
    assert_eq!(idle, Err(Failure::Status(Status::NOT_FOUND)));
    assert_eq!(running.control(&running.thread, &mut output), Ok(8));
    assert_eq!(u64::from_le_bytes(output), 0, "an earlier cancellation is not this request's");
    assert_eq!(running.end(), Ok(()));
}
