//! The service over the model when allocations fail.

use psimp_harness::on_model::{ModelKernel, ServerFile};
use psimp_model::{FaultPoint, Group, Kernel, Object, Process, System, Thread, Token, TokenSpec, sids};
use psimp_nt::{Level, Luid, Sid, Status, TokenType};
use psimp_protocol::wire::{self, impersonate_flags, slot_flags, verdict};
use psimp_protocol::{Ioctl, Operation, PROTOCOL_VERSION};
use psimp_service::Reply;
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

const USER: Sid = Sid::new(5, &[21, 1, 2, 3, 1001]);
const OTHER: Sid = Sid::new(5, &[21, 1, 2, 3, 1002]);

struct Setup {
    system: Arc<System>,
    file: ServerFile,
    process: Arc<Process>,
    thread: Arc<Thread>,
}

impl Setup {
    fn new() -> Self {
        let system = Arc::new(System::new(Kernel::Win10));
        let process = system.create_process(token(&system, USER, TokenType::Primary));
        let thread = system.create_thread(&process);
        Self { system, file: ServerFile::default(), process, thread }
    }

    fn send(&self, operation: Operation, input: &[u8]) -> Result<Vec<u8>, Status> {
        self.send_with(operation, input, Ok(4096))
    }

    fn send_with(
        &self,
        operation: Operation,
        input: &[u8],
        room: Result<usize, Status>,
    ) -> Result<Vec<u8>, Status> {
        let kernel = ModelKernel::new(&self.system, &self.thread, &self.file);
        let code = Ioctl::of(operation).code();
        let mut reply = Reply::EMPTY;
        psimp_service::dispatch(&kernel, kernel.caller(&self.process), code, input, room, &mut reply)
            .map(|()| reply.as_bytes().to_vec())
    }

    fn impersonate(&self, token: Arc<Token>, flags: u32) -> Result<wire::Outcome, Status> {
        let token = self.process.handles().insert(Object::Token(token), u32::MAX);
        let request =
            wire::Impersonate { version: PROTOCOL_VERSION, level: 2, thread: 0, token, flags, reserved: 0 };
        self.send(Operation::Impersonate, request.as_bytes())
            .map(|bytes| wire::Outcome::read_from_bytes(&bytes).expect("an outcome"))
    }
}

fn token(system: &System, user: Sid, token_type: TokenType) -> Arc<Token> {
    system.create_token(TokenSpec {
        groups: vec![Group { sid: sids::ADMINISTRATORS, enabled: true }],
        ..TokenSpec::new(user, Luid(0xA1), token_type, Level::Impersonation)
    })
}

const OWN: wire::Thread = wire::Thread { version: PROTOCOL_VERSION, reserved: 0, thread: 0 };

#[test]
fn revert_and_end_work_without_memory_and_say_what_they_could_not_read() {
    for (operation, input) in [(Operation::Revert, &[][..]), (Operation::End, OWN.as_bytes())] {
        let setup = Setup::new();
        setup.impersonate(token(&setup.system, USER, TokenType::Impersonation), 0).expect("kept");
        setup.system.faults().fail_next(FaultPoint::QueryToken, Status::INSUFFICIENT_RESOURCES);
        let reply = setup.send(operation, input).expect("it cannot fail");
        let before = wire::Slot::read_from_bytes(&reply).expect("a slot");
        assert_eq!(before.flags, slot_flags::ACTIVE | slot_flags::UNREAD);
        assert_eq!((before.level, before.token_id, before.user_length), (2, 0, 0));
        assert!(!setup.thread.is_impersonating());
    }
}

#[test]
fn query_fails_without_memory() {
    let setup = Setup::new();
    setup.impersonate(token(&setup.system, USER, TokenType::Impersonation), 0).expect("kept");
    setup.system.faults().fail_next(FaultPoint::QueryToken, Status::INSUFFICIENT_RESOURCES);
    assert_eq!(setup.send(Operation::Query, OWN.as_bytes()), Err(Status::INSUFFICIENT_RESOURCES));
    assert!(setup.thread.is_impersonating());
}

#[test]
fn impersonate_fails_before_the_thread_is_changed_or_not_at_all() {
    // Each query fails in turn, until none is left.
    let setup = Setup::new();
    let mut failed = 0;
    loop {
        setup.system.faults().fail_nth(FaultPoint::QueryToken, failed, Status::INSUFFICIENT_RESOURCES);
        let client = token(&setup.system, OTHER, TokenType::Impersonation);
        match setup.impersonate(client, impersonate_flags::KERNEL_RULES) {
            Err(status) => {
                assert_eq!(status, Status::INSUFFICIENT_RESOURCES);
                assert!(!setup.thread.is_impersonating());
                failed += 1;
            }
            Ok(outcome) if outcome.flags & slot_flags::UNREAD != 0 => {
                // The kernel's copy could not be read back: the change stands.
                assert_eq!((outcome.verdict, outcome.level_stored), (verdict::COPIED, 1));
                assert_eq!((outcome.token_stored, outcome.authentication_id), (0, 0));
                failed += 1;
                setup.system.ps_revert_to_self(&setup.thread);
            }
            Ok(_) => break,
        }
    }
    // The statistics of the requested token, and of the one read back.
    assert_eq!(failed, 2);
}

#[test]
fn a_restore_without_memory_does_not_leave_the_client_that_was_to_be_replaced() {
    let setup = Setup::new();
    setup.impersonate(token(&setup.system, USER, TokenType::Impersonation), 0).expect("kept");
    let saved = setup.send(Operation::Save, OWN.as_bytes()).expect("saved");
    let (saved, _) = wire::Saved::read_from_prefix(&saved).expect("a save");
    setup.impersonate(token(&setup.system, OTHER, TokenType::Impersonation), 0).expect("a copy");
    let request = wire::Restore { version: PROTOCOL_VERSION, flags: 0, thread: 0, save: saved.save };
    setup.system.faults().fail_next(FaultPoint::QueryToken, Status::INSUFFICIENT_RESOURCES);
    assert_eq!(setup.send(Operation::Restore, request.as_bytes()), Err(Status::INSUFFICIENT_RESOURCES));
    assert!(!setup.thread.is_impersonating());
    // The save still exists.
    setup.send(Operation::Restore, request.as_bytes()).expect("restored");
    assert!(setup.thread.is_impersonating());
}

const NO_ROOM: Result<usize, Status> = Err(Status::INSUFFICIENT_RESOURCES);

#[test]
fn what_cannot_be_told_is_not_done() {
    let setup = Setup::new();
    let client = token(&setup.system, USER, TokenType::Impersonation);
    let token = setup.process.handles().insert(Object::Token(client), u32::MAX);
    let request =
        wire::Impersonate { version: PROTOCOL_VERSION, level: 2, thread: 0, token, flags: 0, reserved: 0 };
    let sent = setup.send_with(Operation::Impersonate, request.as_bytes(), NO_ROOM);
    assert_eq!(sent, Err(Status::INSUFFICIENT_RESOURCES));
    assert!(!setup.thread.is_impersonating());
    setup.send(Operation::Impersonate, request.as_bytes()).expect("kept");
    let sent = setup.send_with(Operation::End, OWN.as_bytes(), NO_ROOM);
    assert_eq!(sent, Err(Status::INSUFFICIENT_RESOURCES));
    assert!(setup.thread.is_impersonating());
    for _ in 0..16 {
        let sent = setup.send_with(Operation::Save, OWN.as_bytes(), NO_ROOM);
        assert_eq!(sent, Err(Status::INSUFFICIENT_RESOURCES));
    }
    setup.send(Operation::Save, OWN.as_bytes()).expect("no place is taken");
    // The checks before it come first.
    assert_eq!(setup.send_with(Operation::Query, &[], NO_ROOM), Err(Status::INFO_LENGTH_MISMATCH));
}

#[test]
fn a_thread_can_stop_impersonating_without_memory_for_the_reply() {
    let setup = Setup::new();
    setup.impersonate(token(&setup.system, USER, TokenType::Impersonation), 0).expect("kept");
    let sent = setup.send_with(Operation::Revert, &[], NO_ROOM);
    assert_eq!(sent, Err(Status::INSUFFICIENT_RESOURCES));
    assert!(!setup.thread.is_impersonating());
}
