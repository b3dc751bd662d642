//! The driver's image when the framework has no memory for a reply.

use crate::session::{CALLER, READ_WRITE, TOKEN_IMPERSONATE, send};
use crate::session::{image, process, token};
use psimp_host::{Call, Decision, Failure, Host, Observer, Options};
use psimp_model::{Kernel, Object, System};
use psimp_nt::{Level, Status, TokenType};
use psimp_protocol::wire::{Impersonate, Outcome, Saved, Slot};
use psimp_protocol::{LINK_NAME, Operation, PROTOCOL_VERSION};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// While it is set, no output buffer is handed out.
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
fn what_cannot_be_told_is_not_done_except_that_a_thread_can_stop() {
    const FAILED: Failure = Failure::Status(Status::INSUFFICIENT_RESOURCES);
    let Some(image) = image() else { return };
    let system = Arc::new(System::new(Kernel::Win10));
    let buffers = Arc::new(NoBuffers::default());
    let options = Options { observer: Some(buffers.clone()), ..Options::default() };
    let host = Host::load_with(&image, system.clone(), options).expect("the driver starts");
    let (process, thread) = process(&system);
    let client = token(&system, TokenType::Impersonation, Level::Impersonation);
    let token = process.handles().insert(Object::Token(client), TOKEN_IMPERSONATE);
    let file = host.open(&thread, LINK_NAME, READ_WRITE).expect("the device opens");
    let request =
        Impersonate { version: PROTOCOL_VERSION, level: 2, thread: 0, token, flags: 0, reserved: 0 };
    let impersonate = || send::<_, Outcome>(&host, &thread, &file, Operation::Impersonate, &request);
    let save = || send::<_, Saved>(&host, &thread, &file, Operation::Save, &CALLER).map(|saved| saved.save);

    buffers.0.store(true, Ordering::Relaxed);
    assert_eq!(impersonate().map(|outcome| outcome.status), Err(FAILED));
    assert!(!thread.is_impersonating());
    for _ in 0..16 {
        assert_eq!(save(), Err(FAILED));
    }

    buffers.0.store(false, Ordering::Relaxed);
    assert_eq!(impersonate().map(|outcome| outcome.status), Ok(0));
    for _ in 0..16 {
        assert!(save().is_ok(), "no save took a place that nobody was told of");
    }

    buffers.0.store(true, Ordering::Relaxed);
    let end = send::<_, Slot>(&host, &thread, &file, Operation::End, &CALLER);
    assert_eq!(end.map(|slot| slot.flags), Err(FAILED));
    assert!(thread.is_impersonating());
    let revert = send::<_, Slot>(&host, &thread, &file, Operation::Revert, &[0_u8; 0]);
    assert_eq!(revert.map(|slot| slot.flags), Err(FAILED));
    assert!(!thread.is_impersonating());

    host.close(&thread, file).expect("the file closes");
    assert_eq!(host.unload(), Ok(()));
}
