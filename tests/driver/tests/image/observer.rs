//! The observer of the driver's calls: injected failures, and concurrent threads in the
//! driver.

use crate::session::{CALLER, Session, TOKEN_IMPERSONATE, TOKEN_QUERY, USER, image, process, send, spec};
use psimp_host::{Call, Decision, Failure, Host, IoControl, Observer, Options, Site, StartError};
use psimp_model::{Acl, Kernel, Object, SecurityDescriptor, System};
use psimp_nt::{Level, Sid, Status, TokenType};
use psimp_protocol::wire::{AccessCheck, Discard, Impersonate, Outcome, Restore, Slot};
use psimp_protocol::{Ioctl, LINK_NAME, Operation, PROTOCOL_VERSION};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use zerocopy::IntoBytes;

/// Fails the call with this number, of those that can fail.
#[derive(Debug, Default)]
struct FailOne {
    turn: u32,
    count: AtomicU32,
    failed: Mutex<Option<&'static str>>,
}

impl Observer for FailOne {
    fn rule(&self, call: &Call<'_>) -> Decision {
        if call.can_fail && self.count.fetch_add(1, Ordering::Relaxed) == self.turn {
            *self.failed.lock().expect("no panic") = Some(call.function);
            return Decision::Fail;
        }
        Decision::Proceed
    }
}

/// A program's life: load, open, evaluate, impersonate another user's token, save, query, check
/// access, restore twice, discard, revert, save, close, unload. Any of it may fail, but nothing may
/// leak.
fn a_programs_life(observer: &Arc<FailOne>) {
    let image = image();
    let system = Arc::new(System::new(Kernel::Win10));
    let options = Options { observer: Some(observer.clone()), ..Options::default() };
    let host = match Host::load_with(&image, system.clone(), options) {
        Ok(host) => host,
        Err(StartError::Status(status)) => return assert_eq!(status, Status::INSUFFICIENT_RESOURCES),
        Err(error) => panic!("{error}"),
    };
    let (process, thread) = process(&system);
    let client = system.create_token(psimp_model::TokenSpec {
        user: Sid::new(5, &[21, 9, 9, 9, 1001]),
        ..spec(TokenType::Impersonation, Level::Impersonation)
    });
    let token = process.handles().insert(Object::Token(client.clone()), TOKEN_IMPERSONATE | TOKEN_QUERY);
    if let Ok(file) = host.open(&thread, LINK_NAME, 3) {
        let level = Level::Impersonation as u32;
        let impersonate =
            Impersonate { version: PROTOCOL_VERSION, level, thread: 0, token, flags: 0, reserved: 0 };
        let query = psimp_protocol::wire::Thread { version: PROTOCOL_VERSION, reserved: 0, thread: 0 };
        let mut output = [0; 128];
        let mut send = |operation, input: &[u8]| {
            let request = IoControl::new(Ioctl::of(operation).code(), input);
            match host.device_io_control(&thread, &file, &request, &mut output) {
                Ok(length) => output.first_chunk().filter(|_| length >= 8).map(|id| u64::from_le_bytes(*id)),
                Err(Failure::Status(_)) => None,
                Err(Failure::Fault(fault)) => panic!("{fault}"),
            }
        };
        send(Operation::Evaluate, impersonate.as_bytes());
        send(Operation::Impersonate, impersonate.as_bytes());
        let save = send(Operation::Save, query.as_bytes()).unwrap_or_default();
        send(Operation::Query, query.as_bytes());
        let descriptor = SecurityDescriptor::new(USER, Some(Acl::granting(&[USER])));
        let descriptor = descriptor.to_self_relative().expect("a short one");
        let length = u32::try_from(descriptor.len()).expect("a short one");
        let head = AccessCheck { version: PROTOCOL_VERSION, desired: 3, length, reserved: 0 };
        send(Operation::AccessCheck, &[head.as_bytes(), &descriptor].concat());
        let restore = Restore { version: PROTOCOL_VERSION, flags: 0, thread: 0, save };
        let discard = Discard { version: PROTOCOL_VERSION, reserved: 0, save };
        send(Operation::Restore, restore.as_bytes());
        send(Operation::Restore, restore.as_bytes());
        send(Operation::Discard, discard.as_bytes());
        send(Operation::Revert, &[]);
        // Dropped by the close.
        send(Operation::Save, query.as_bytes());
        assert!(!thread.is_impersonating(), "REVERT cannot fail");
        host.close(&thread, file).expect("the file closes");
    }
    assert_eq!(host.unload(), Ok(()));
    assert_eq!(Arc::strong_count(&client), 2, "the handle's and ours");
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn every_call_that_can_fail_may_fail() {
    let mut functions = BTreeSet::new();
    for turn in 0.. {
        let observer = Arc::new(FailOne { turn, ..FailOne::default() });
        a_programs_life(&observer);
        let failed = *observer.failed.lock().expect("no panic");
        let Some(function) = failed else { break };
        functions.insert(function);
    }
    // From loading to the last save.
    for function in ["WdfDriverCreate", "SeQueryInformationToken", "PsImpersonateClient", "ZwDuplicateToken"]
    {
        assert!(functions.contains(function), "{function} never failed: {functions:?}");
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn two_threads_use_one_file() {
    const COUNT: u32 = 2_000;
    let session = Session::new(Kernel::Documented);
    let request = session.request(Level::Impersonation, 0);
    std::thread::scope(|scope| {
        for thread in [session.thread.clone(), session.system.create_thread(&session.process)] {
            let Session { host, file, .. } = &session;
            scope.spawn(move || {
                for _ in 0..COUNT {
                    let _: Outcome =
                        send(host, &thread, file, Operation::Impersonate, &request).expect("IMPERSONATE");
                    let _: Slot = send(host, &thread, file, Operation::Revert, &[0_u8; 0]).expect("REVERT");
                }
            });
        }
    });
    assert_eq!(session.end(), Ok(()));
}

/// Records the call stacks on which tokens are queried.
#[derive(Debug, Default)]
struct Queries(Mutex<Vec<Vec<Site>>>);

impl Observer for Queries {
    fn rule(&self, call: &Call<'_>) -> Decision {
        if call.function == "SeQueryInformationToken" {
            self.0.lock().expect("no panic").push(call.stack());
        }
        Decision::Proceed
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn one_site_of_the_image_has_several_stacks() {
    let queries = Arc::new(Queries::default());
    let options = Options { observer: Some(queries.clone()), ..Options::default() };
    let session = Session::with(Kernel::Win10, options);
    session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
    // QUERY and REVERT use the same function to describe the slot.
    let _: Slot = session.send(Operation::Query, &CALLER).expect("QUERY");
    let _: Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
    let queries = queries.0.lock().expect("no panic").clone();
    let distinct: BTreeSet<_> = queries.iter().collect();
    let sites: BTreeSet<_> = queries.iter().map(|stack| stack[0]).collect();
    assert!(distinct.len() == queries.len() && distinct.len() > sites.len(), "{queries:?}");
    assert_eq!(session.end(), Ok(()));
}
