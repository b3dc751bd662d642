//! The driver's image when there is no memory for a reply, or to read a token.

use crate::session::{CALLER, Session, TOKEN_IMPERSONATE, TOKEN_QUERY, spec};
use psimp_host::{Call, Decision, Failure, Observer, Options};
use psimp_model::{Kernel, Object, TokenSpec};
use psimp_nt::{Level, Luid, Sid, Status, TokenType};
use psimp_protocol::Operation;
use psimp_protocol::wire::{Impersonate, Outcome, Slot, verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// While it is set, retrieving an output buffer fails.
#[derive(Debug, Default)]
struct NoBuffers(AtomicBool);

impl Observer for NoBuffers {
    fn rule(&self, call: &Call<'_>) -> Decision {
        if call.function == "WdfRequestRetrieveOutputBuffer" && self.0.load(Ordering::Relaxed) {
            return Decision::Fail;
        }
        Decision::Proceed
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn what_cannot_be_told_is_not_done_except_that_a_thread_can_stop() {
    const FAILED: Failure = Failure::Status(Status::INSUFFICIENT_RESOURCES);
    let buffers = Arc::new(NoBuffers::default());
    let options = Options { observer: Some(buffers.clone()), ..Options::default() };
    let session = Session::with(Kernel::Win10, options);
    let impersonate = || session.impersonate(Level::Impersonation, 0);
    let save = || session.save().map(|saved| saved.save);

    buffers.0.store(true, Ordering::Relaxed);
    assert_eq!(impersonate().map(|outcome| outcome.status), Err(FAILED));
    assert!(!session.thread.is_impersonating());
    for _ in 0..16 {
        assert_eq!(save(), Err(FAILED));
    }

    buffers.0.store(false, Ordering::Relaxed);
    assert_eq!(impersonate().map(|outcome| outcome.status), Ok(0));
    for _ in 0..16 {
        assert!(save().is_ok(), "no save took a place that nobody was told of");
    }

    buffers.0.store(true, Ordering::Relaxed);
    let end = session.send::<_, Slot>(Operation::End, &CALLER);
    assert_eq!(end.map(|slot| slot.flags), Err(FAILED));
    assert!(session.thread.is_impersonating());
    let revert = session.send::<_, Slot>(Operation::Revert, &[0_u8; 0]);
    assert_eq!(revert.map(|slot| slot.flags), Err(FAILED));
    assert!(!session.thread.is_impersonating());

    assert_eq!(session.end(), Ok(()));
}

/// Lets this many queries of tokens succeed.
#[derive(Debug)]
struct Queries(AtomicU32);

impl Observer for Queries {
    fn rule(&self, call: &Call<'_>) -> Decision {
        let left = |left: u32| left.checked_sub(1);
        if call.function == "SeQueryInformationToken"
            && self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_err()
        {
            return Decision::Fail;
        }
        Decision::Proceed
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_token_that_cannot_be_read_is_told_as_unread() {
    let queries = Arc::new(Queries(AtomicU32::new(u32::MAX)));
    let options = Options { observer: Some(queries.clone()), ..Options::default() };
    let session = Session::with(Kernel::Win10, options);
    let allow = |count| queries.0.store(count, Ordering::Relaxed);
    let revert = || session.send::<_, Slot>(Operation::Revert, &[0_u8; 0]).expect("REVERT");

    // Below Impersonation the level decides: of the token only its own level is read.
    allow(1);
    let outcome = session.impersonate(Level::Identification, 0).expect("one query is enough");
    assert_eq!((outcome.verdict, outcome.rule), (verdict::KEPT, 1));
    session.impersonate(Level::Impersonation, 0).expect_err("more are needed");

    // Active and unread, with the level of the slot and nothing of the token.
    let slot = revert();
    assert_eq!((slot.flags, slot.level, slot.token_id, slot.user_length), (1 | 16, 1, 0, 0));

    // The copy is stored and cannot be read: the token asked for is read twice, the primary once.
    let other = TokenSpec {
        user: Sid::new(5, &[21, 9, 9, 9, 1001]),
        authentication_id: Luid(0x7_0000_0005),
        ..spec(TokenType::Impersonation, Level::Impersonation)
    };
    let other = Object::Token(session.system.create_token(other));
    let token = session.process.handles().insert(other, TOKEN_IMPERSONATE | TOKEN_QUERY);
    allow(3);
    let request = Impersonate { token, ..session.request(Level::Impersonation, 2) };
    let outcome: Outcome = session.send(Operation::Impersonate, &request).expect("IMPERSONATE");
    assert_eq!((outcome.verdict, outcome.level_stored), (verdict::COPIED, 1));
    assert_eq!((outcome.flags, outcome.token_stored, outcome.authentication_id), (1 | 4 | 16, 0, 0));
    allow(u32::MAX);
    let slot = revert();
    assert_eq!((slot.flags, slot.authentication_id), (1 | 4, 0x7_0000_0005));
    assert_eq!(session.end(), Ok(()));
}
