//! Work items: the thread, the time and the originator of their runs.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{Call, Decision, FaultKind, IoControl, Observer, Options};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::code::Place;
use support::code::Value::{Argument, At, Of};
use support::driver::{ON_CONTROL, ON_CREATE};
use support::run::{CODE, End, Opened, life, reply, word};
use support::works::Works;

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
    // Again: it is enqueued already.
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
    // The System process is the first object created, its first thread the second.
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
    assert_eq!(word(&works.driver), 0x1234);
}

#[test]
fn what_is_not_flushed_runs_before_the_device_is_gone() {
    let mut works = Works::new();
    let block = works.driver.words(&[0]);
    works.allocate(block);
    works.enqueue();
    let (kind, message) = works.fault();
    assert_eq!(kind, FaultKind::PoolLeak, "{message}");
}

#[test]
fn a_work_item_can_run_again() {
    let mut works = Works::new();
    let count = works.driver.words(&[0]);
    // The second run sees the data of the first.
    let other = works.driver.words(&[7]);
    works.driver.call(works.work, "memcpy", &[At(count), At(other), 8.into()]);
    works.driver.call(works.work, "memset", &[At(other), 9.into(), 1.into()]);
    works.driver.give(works.work, 0.into());
    for _ in 0..2 {
        works.enqueue();
        works.flush();
    }
    works.driver.answer(count);
    assert_eq!(word(&works.driver), 9);
}

/// Records each call, its thread, and on whose behalf it is made.
#[derive(Default)]
struct Notes(Mutex<Vec<(&'static str, u32, u32)>>);

impl Observer for Notes {
    fn rule(&self, call: &Call<'_>) -> Decision {
        let known = call.function.starts_with("WdfWorkItem") || call.function == "ExAllocatePool2";
        if known {
            self.0.lock().expect("no panic").push((call.function, call.thread, call.on_behalf_of));
        }
        if call.function == "ExAllocatePool2" { Decision::Fail } else { Decision::Proceed }
    }
}

#[test]
fn the_observer_sees_and_fails_what_the_worker_calls_always_in_the_same_order() {
    let mut works = Works::new();
    let block = works.driver.words(&[1]);
    works.allocate(block);
    works.driver.give(works.work, 0.into());
    works.enqueue();
    works.flush();
    works.driver.answer(block);
    for _ in 0..20 {
        let notes = Arc::new(Notes::default());
        let options = Options { observer: Some(notes.clone()), ..Options::default() };
        let opened = Opened::by(&works.driver, options);
        let requester = opened.thread.id();
        let mut output = [0xFF; 8];
        assert_eq!(opened.send(&opened.thread, &mut output), Ok(8));
        assert_eq!(output, [0; 8], "no block");
        opened.end();
        let seen = notes.0.lock().expect("no panic").clone();
        assert_eq!(
            seen.iter().map(|seen| seen.0).collect::<Vec<_>>(),
            ["WdfWorkItemCreate", "WdfWorkItemEnqueue", "WdfWorkItemFlush", "ExAllocatePool2",]
        );
        assert!(seen.iter().all(|seen| seen.2 == requester), "{seen:?}");
        assert!(seen[3].1 != requester && seen[..3].iter().all(|seen| seen.1 == requester), "{seen:?}");
    }
}

#[test]
fn what_is_not_flushed_runs_when_the_request_is_over() {
    let mut works = Works::new();
    let block = works.driver.words(&[0]);
    works.allocate(block);
    works.enqueue();
    works.end();
    let notes = Arc::new(Notes::default());
    let options = Options { observer: Some(notes.clone()), ..Options::default() };
    let opened = Opened::by(&works.driver, options);
    assert_eq!(opened.send(&opened.thread, &mut []), Ok(0));
    let begin = Instant::now();
    while !notes.0.lock().expect("no panic").iter().any(|seen| seen.0 == "ExAllocatePool2") {
        assert!(begin.elapsed() < Duration::from_secs(5), "nothing runs");
        std::thread::yield_now();
    }
    opened.end();
}

#[test]
fn a_block_that_the_worker_freed_stays_as_it_is() {
    let mut works = Works::new();
    let block = works.driver.words(&[0]);
    works.allocate(block);
    works.driver.call(works.work, "ExFreePool", &[Of(block)]);
    works.driver.code(works.work).write(Of(block), 8, 1.into());
    works.enqueue();
    works.flush();
    let (kind, message) = works.fault();
    assert_eq!(kind, FaultKind::PoolUseAfterFree, "{message}");
}

#[test]
fn a_worker_is_a_thread_of_the_system() {
    let mut works = Works::new();
    let [provider, handle] = [works.driver.words(&[1, 2]), works.driver.words(&[0])];
    works.driver.call(works.work, "EtwRegister", &[At(provider), 0.into(), 0.into(), At(handle)]);
    works.driver.call(works.work, "EtwUnregister", &[Of(handle)]);
    works.enqueue();
    works.flush();
    works.end();
    assert_eq!(life(&works.driver, &IoControl::new(CODE, &[]), 0), End::Well(0));
}

/// Threads that share a work item, each of which waits until it has run.
#[test]
fn many_requests_wait_for_one_work_item() {
    let mut works = Works::new();
    // It is created when the file is opened.
    let made = works.driver.code(ON_CONTROL).clone();
    works.driver.rewrite(ON_CONTROL);
    *works.driver.code(ON_CREATE) = made;
    let complete = [Of(works.driver.globals), Argument(1), 0.into()];
    works.driver.framework(ON_CREATE, "WdfRequestComplete", &complete);
    works.driver.give(ON_CREATE, 0.into());
    works.enqueue();
    works.flush();
    works.end();
    let opened = Opened::by(&works.driver, Options::default());
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let thread = opened.system.create_thread(&opened.process);
                for _ in 0..500 {
                    assert_eq!(opened.send(&thread, &mut []), Ok(0));
                }
            });
        }
    });
    eprintln!("{:?} for each of four threads' requests", begin.elapsed() / 500);
    opened.end();
}

#[test]
fn a_request_with_a_work_item_of_its_own_takes_little_time() {
    let mut works = Works::new();
    works.enqueue();
    works.flush();
    works.delete();
    works.end();
    let opened = Opened::by(&works.driver, Options::default());
    let begin = Instant::now();
    for _ in 0..500 {
        assert_eq!(opened.send(&opened.thread, &mut []), Ok(0));
    }
    let each = begin.elapsed() / 500;
    eprintln!("{each:?} for each request");
    assert!(each < Duration::from_millis(5), "{each:?}");
    opened.end();
}
