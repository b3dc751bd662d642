//! The driver's own image: saved slots, evaluations and access checks.

use crate::session::{CALLER, READ_WRITE, Session, USER, failed, image, process, send};
use psimp_host::{Call, Decision, Host, Observer, Options};
use psimp_model::{Ace, Acl, Kernel, SecurityDescriptor, System, sids};
use psimp_nt::{Level, Sid, Status};
use psimp_protocol::wire::{self, impersonate_flags, slot_flags, verdict};
use psimp_protocol::{LINK_NAME, MAX_SAVES, Operation, PROTOCOL_VERSION};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_saved_slot_comes_back_whole() {
    for &kernel in Kernel::ALL {
        let session = Session::new(kernel);
        let flags = impersonate_flags::COPY_ON_OPEN | impersonate_flags::EFFECTIVE_ONLY;
        session.impersonate(Level::Impersonation, flags).expect("IMPERSONATE");
        let saved = session.save().expect("SAVE");
        assert_eq!(saved.slot.token_id, session.client.id().0);
        let expected = slot_flags::ACTIVE | slot_flags::COPY_ON_OPEN | slot_flags::EFFECTIVE_ONLY;
        assert_eq!(saved.slot.flags, expected);

        let _: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
        // Twice: what was saved stays until it is discarded.
        for _ in 0..2 {
            let outcome = session.restore(saved.save).expect("RESTORE");
            assert_eq!(outcome.verdict, verdict::KEPT);
            let slot: wire::Slot = session.send(Operation::Query, &CALLER).expect("QUERY");
            assert_eq!(slot, saved.slot);
        }
        assert_eq!(session.discard(saved.save), Ok(()));
        assert_eq!(session.discard(saved.save), failed(Status::NOT_FOUND));
        assert_eq!(session.restore(saved.save), failed(Status::NOT_FOUND));
        // The file's reference on its process is all that is left.
        assert_eq!(session.host.held().len(), 1, "{:?}", session.host.held());
        assert_eq!(session.end(), Ok(()));
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn an_idle_thread_comes_back_idle() {
    let session = Session::new(Kernel::Win10);
    let saved = session.save().expect("SAVE");
    assert_eq!(saved.slot.flags, 0);
    session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
    assert_eq!(session.restore(saved.save).expect("RESTORE").verdict, verdict::ENDED);
    assert!(!session.thread.is_impersonating());
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn sixteen_saves_go_with_the_file() {
    let session = Session::new(Kernel::Win10);
    session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
    for _ in 0..MAX_SAVES {
        session.save().expect("SAVE");
    }
    assert_eq!(session.save(), failed(Status::INSUFFICIENT_RESOURCES));
    let held = session.host.held();
    assert_eq!(held.len(), MAX_SAVES + 1, "{held:?}");
    assert!(held.iter().all(|one| one.site.is_some()), "{held:?}");
    let slots = held.iter().filter(|one| one.message.contains("PsReferenceImpersonationToken"));
    assert_eq!(slots.count(), MAX_SAVES, "{held:?}");
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn many_saves_leave_nothing_behind() {
    const COUNT: usize = 5_000;
    let session = Session::new(Kernel::Win10);
    session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
    for _ in 0..COUNT {
        let save = session.save().expect("SAVE").save;
        session.restore(save).expect("RESTORE");
        session.discard(save).expect("DISCARD");
    }
    assert_eq!(session.host.held().len(), 1, "{:?}", session.host.held());
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_request_after_cleanup_finds_no_table() {
    let session = Session::new(Kernel::Win10);
    session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
    let save = session.save().expect("SAVE").save;
    let other = session.system.create_thread(&session.process);
    std::thread::scope(|scope| {
        scope.spawn(|| session.host.cleanup(&other, &session.file).expect("a cleanup")).join().expect("none");
    });
    assert_eq!(session.host.held().len(), 1, "{:?}", session.host.held());
    assert_eq!(session.save(), failed(Status::FILE_CLOSED));
    assert_eq!(session.restore(save), failed(Status::FILE_CLOSED));
    assert_eq!(session.discard(save), failed(Status::FILE_CLOSED));
    // Nothing else needs the table, and the thread is not touched.
    let slot: wire::Slot = session.send(Operation::Query, &CALLER).expect("QUERY");
    assert_eq!(slot.flags, slot_flags::ACTIVE);
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn requests_race_with_the_cleanup() {
    for _ in 0..300 {
        let session = Session::new(Kernel::Win10);
        session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
        let other = session.system.create_thread(&session.process);
        let session = &session;
        std::thread::scope(|scope| {
            let saver = scope.spawn(move || {
                let mut saves = (0..MAX_SAVES).map(|_| session.save());
                saves.find(Result::is_err)
            });
            scope.spawn(move || session.host.cleanup(&other, &session.file).expect("no fault"));
            saver.join().expect("no panic");
        });
        assert_eq!(session.save(), failed(Status::FILE_CLOSED));
        assert_eq!(session.host.held().len(), 1, "{:?}", session.host.held());
        assert_eq!(session.host.faults(), []);
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn threads_save_and_discard_on_one_file() {
    const EACH: usize = 1_000;
    let session = Session::new(Kernel::Win10);
    let work = |thread| {
        let Session { host, file, .. } = &session;
        let request = session.request(Level::Impersonation, 0);
        let _: wire::Outcome = send(host, &thread, file, Operation::Impersonate, &request).expect("no fault");
        for _ in 0..EACH {
            let saved: wire::Saved = send(host, &thread, file, Operation::Save, &CALLER).expect("SAVE");
            let discard = wire::Discard { version: PROTOCOL_VERSION, reserved: 0, save: saved.save };
            let _: [u8; 0] = send(host, &thread, file, Operation::Discard, &discard).expect("DISCARD");
        }
        let _: wire::Slot = send(host, &thread, file, Operation::Revert, &[0_u8; 0]).expect("REVERT");
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| work(session.system.create_thread(&session.process)));
        }
    });
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn an_evaluation_changes_nothing() {
    let session = Session::new(Kernel::Documented);
    let request = session.request(Level::Impersonation, 0);
    let evaluation: wire::Evaluation = session.send(Operation::Evaluate, &request).expect("EVALUATE");
    assert_eq!((evaluation.verdict, evaluation.level), (verdict::KEPT, 2));
    assert_ne!(evaluation.steps, 0);
    assert!(!session.thread.is_impersonating());
    assert_eq!(session.end(), Ok(()));
}

/// Owned by the system; grants reading and writing to one user.
fn descriptor(granted: Sid) -> Vec<u8> {
    let dacl = Acl(vec![Ace::allow(granted, READ_WRITE)]);
    SecurityDescriptor::new(sids::LOCAL_SYSTEM, Some(dacl)).to_self_relative().expect("a short one")
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn access_is_checked_as_the_caller_now_is() {
    const STRANGER: Sid = Sid::new(5, &[21, 9, 9, 9, 1001]);
    let session = Session::new(Kernel::Win10);
    let granted = wire::Access { granted: READ_WRITE, status: Status::SUCCESS.0 };
    let refused = |status: Status| wire::Access { granted: 0, status: status.0 };
    assert_eq!(session.access_check(&descriptor(USER), READ_WRITE), Ok(granted));
    let generic = session.access_check(&descriptor(USER), 0x8000_0000);
    assert_eq!(generic, Ok(refused(Status::ACCESS_DENIED)), "0x00120089 is more");
    for level in [Level::Impersonation, Level::Identification] {
        let denied = session.access_check(&descriptor(STRANGER), READ_WRITE);
        assert_eq!(denied, Ok(refused(Status::ACCESS_DENIED)));
        session.impersonate(level, 0).expect("IMPERSONATE");
    }
    let weak = session.access_check(&descriptor(USER), READ_WRITE);
    assert_eq!(weak, Ok(refused(Status::BAD_IMPERSONATION_LEVEL)));
    let mut broken = descriptor(USER);
    broken[0] = 2;
    assert_eq!(session.access_check(&broken, READ_WRITE), failed(Status::INVALID_SECURITY_DESCR));
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn on_peios_anonymous_is_checked_as_the_anonymous_logon() {
    let session = Session::new(Kernel::Peios);
    session.impersonate(Level::Anonymous, 0).expect("IMPERSONATE");
    for (granted, expected) in [
        (USER, wire::Access { granted: 0, status: Status::ACCESS_DENIED.0 }),
        (Sid::ANONYMOUS_LOGON, wire::Access { granted: 1, status: Status::SUCCESS.0 }),
    ] {
        assert_eq!(session.access_check(&descriptor(granted), 1), Ok(expected));
    }
    assert_eq!(session.end(), Ok(()));
}

/// Fails every lock that is to be made but the first, which is the device's.
#[derive(Default)]
struct OneLock(AtomicBool);

impl Observer for OneLock {
    fn rule(&self, call: &Call<'_>) -> Decision {
        let fails = call.function == "WdfWaitLockCreate" && self.0.swap(true, Ordering::Relaxed);
        if fails { Decision::Fail } else { Decision::Proceed }
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_file_without_a_lock_is_not_opened() {
    let image = image();
    let system = Arc::new(System::new(Kernel::Win10));
    let options = Options { observer: Some(Arc::<OneLock>::default()), ..Options::default() };
    let host = Host::load_with(&image, system.clone(), options).expect("the driver starts");
    let (_, thread) = process(&system);
    let opened = host.open(&thread, LINK_NAME, READ_WRITE).map(drop);
    assert_eq!(opened, failed(Status::INSUFFICIENT_RESOURCES));
    assert_eq!(host.held(), []);
    assert_eq!(host.unload(), Ok(()));
}
