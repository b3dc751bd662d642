//! The driver's image when the framework has no memory for a reply.

use crate::session::{CALLER, Session};
use psimp_host::{Call, Decision, Failure, Observer, Options};
use psimp_model::Kernel;
use psimp_nt::{Level, Status};
use psimp_protocol::Operation;
use psimp_protocol::wire::Slot;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
