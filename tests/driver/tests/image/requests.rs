//! Requests to the driver's image, over the model.

use crate::session::{CALLER, READ_WRITE, Session, TOKEN_IMPERSONATE, USER, image, process, send, spec};
use psimp_host::{Failure, Host, IoControl, Open};
use psimp_model::{Kernel, Object, System};
use psimp_nt::{Level, Status, TokenType};
use psimp_protocol::wire::{self, decided_by, slot_flags, verdict};
use psimp_protocol::{CLIENT_NAME, DEVICE_NAME, Ioctl, LINK_NAME, Operation, PROTOCOL_VERSION};
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_thread_impersonates_and_reverts() {
    for &kernel in Kernel::ALL {
        let session = Session::new(kernel);
        let version: wire::Version = session.send(Operation::Version, &[0_u8; 0]).expect("VERSION");
        assert_eq!(version.protocol, PROTOCOL_VERSION);
        assert_eq!(version.driver.map(|part| part.to_string()).join("."), env!("CARGO_PKG_VERSION"));
        assert_eq!((version.reserved, version.max_saves), (0, 16));

        let outcome = session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
        assert_eq!(outcome.verdict, verdict::KEPT);
        assert_eq!(outcome.decided_by, decided_by::DRIVER);
        assert_eq!(outcome.token_stored, session.client.id().0);

        let slot: wire::Slot = session.send(Operation::Query, &CALLER).expect("QUERY");
        assert_eq!(slot.flags, slot_flags::ACTIVE);
        assert_eq!(slot.user[..slot.user_length as usize], *USER.as_bytes());

        let before: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
        assert_eq!(before, slot);
        assert!(!session.thread.is_impersonating());
        // Only the file's reference on its process is left.
        assert_eq!(session.host.held().len(), 1, "{:?}", session.host.held());
        assert_eq!(session.end(), Ok(()));
    }
}

/// `FILE_READ_ATTRIBUTES` (0x80), which the driver asks of every server, is enough alone.
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn an_administrator_opens_the_device_for_any_access() {
    let session = Session::new(Kernel::Win10);
    for desired in [1, 0x80, 0x8000_0000, 0x1000_0000] {
        let file = session.host.open(&session.thread, LINK_NAME, desired).expect("the device opens");
        session.host.close(&session.thread, file).expect("it closes");
    }
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn another_users_token_is_copied_through_handles_of_the_kernel() {
    let session = Session::new(Kernel::Documented);
    let mut spec = spec(TokenType::Impersonation, Level::Impersonation);
    spec.user = psimp_nt::Sid::new(5, &[21, 9, 9, 9, 1001]);
    let client = session.system.create_token(spec);
    let token = session.process.handles().insert(Object::Token(client.clone()), TOKEN_IMPERSONATE);
    let file = session.host.open(&session.thread, DEVICE_NAME, READ_WRITE).expect("the device opens");
    let request = wire::Impersonate { token, ..session.request(Level::Impersonation, 0) };
    let outcome: wire::Outcome =
        send(&session.host, &session.thread, &file, Operation::Impersonate, &request).expect("IMPERSONATE");
    assert_eq!(outcome.verdict, verdict::COPIED);
    assert_eq!(outcome.level_stored, Level::Identification as u32);
    assert_ne!(outcome.token_stored, client.id().0);
    session.host.close(&session.thread, file).expect("the file closes");
    let _: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
    assert_eq!(session.end(), Ok(()));
    assert_eq!(Arc::strong_count(&client), 1, "ours: the process and its handle are gone");
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn the_descriptor_and_the_access_bits_are_enforced() {
    let image = image();
    let system = Arc::new(System::new(Kernel::Win10));
    let host = Host::load(&image, system.clone()).expect("the driver starts");
    let mut spec = spec(TokenType::Primary, Level::Anonymous);
    spec.groups.clear();
    let stranger = system.create_thread(&system.create_process(system.create_token(spec)));
    let refused = host.open(&stranger, LINK_NAME, READ_WRITE).map(drop);
    assert_eq!(refused, Err(Failure::Status(Status::ACCESS_DENIED)));
    let (_, thread) = process(&system);
    let nowhere = host.open(&thread, r"\Device\Nothing", READ_WRITE).map(drop);
    assert_eq!(nowhere, Err(Failure::Status(Status::OBJECT_NAME_NOT_FOUND)));

    let file = host.open(&thread, LINK_NAME, 1).expect("the device opens for reading");
    let revert: Result<wire::Slot, _> = send(&host, &thread, &file, Operation::Revert, &[0_u8; 0]);
    assert_eq!(revert, Err(Failure::Status(Status::ACCESS_DENIED)));
    host.close(&thread, file).expect("the file closes");
    assert_eq!(host.unload(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn requests_out_of_order_get_a_status() {
    let image = image();
    let system = Arc::new(System::new(Kernel::Win10));
    let host = Host::load(&image, system.clone()).expect("the driver starts");
    let (_, thread) = process(&system);
    let file = host.open(&thread, LINK_NAME, READ_WRITE).expect("the device opens");
    let mut output = [0; 256];
    let code = Ioctl::of(Operation::Version).code();
    let mut send = |request: IoControl<'_>, length: usize| {
        host.device_io_control(&thread, &file, &request, &mut output[..length])
    };
    let status = |status| Err(Failure::Status(status));
    assert_eq!(send(IoControl::new(code, &[]), 256), Ok(32));
    assert_eq!(send(IoControl::new(code, &[]), 0), status(Status::BUFFER_TOO_SMALL));
    assert_eq!(send(IoControl::new(code, &[1]), 32), status(Status::INFO_LENGTH_MISMATCH));
    assert_eq!(send(IoControl::new(0x22_6FFC, &[]), 32), status(Status::INVALID_DEVICE_REQUEST));
    let kernel = IoControl { requestor: psimp_host::Requestor::Kernel, ..IoControl::new(code, &[]) };
    assert_eq!(send(kernel, 32), status(Status::ACCESS_DENIED));
    let dispatch = IoControl { irql: 2, ..IoControl::new(code, &[]) };
    assert_eq!(send(dispatch, 32), status(Status::INVALID_DEVICE_STATE));
    host.close(&thread, file).expect("the file closes");
    assert_eq!(host.unload(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_driver_with_an_open_file_stays() {
    let image = image();
    let system = Arc::new(System::new(Kernel::Win10));
    let host = Host::load(&image, system.clone()).expect("the driver starts");
    let (_, thread) = process(&system);
    let _file = host.open(&thread, LINK_NAME, READ_WRITE).expect("the device opens");
    let faults = host.unload().expect_err("a file is open");
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].kind, psimp_host::FaultKind::Unload);
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_file_that_another_driver_made_is_closed_without_effect() {
    let session = Session::new(Kernel::Win10);
    let held = session.host.held();
    session.host.close_unknown(&session.thread, DEVICE_NAME).expect("no contract is broken");
    assert_eq!(session.host.held(), held);
    let _: wire::Version = session.send(Operation::Version, &[0_u8; 0]).expect("the open file still works");
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn nothing_is_opened_relative_to_a_file() {
    let session = Session::new(Kernel::Win10);
    let client = session.host.open(&session.thread, &format!("{LINK_NAME}{CLIENT_NAME}"), 1);
    let client = client.expect("it connects");
    let held = session.host.held();
    // FILE_OPENED
    assert_eq!([session.file.information(), client.information()], [1, 1]);
    for root in [&session.file, &client] {
        for name in ["", CLIENT_NAME, "Client", r"\"] {
            let opened = session.host.open_relative(&session.thread, root, &Open::new(name, READ_WRITE));
            assert_eq!(opened.map(drop), Err(Failure::Status(Status::OBJECT_NAME_NOT_FOUND)), "{name:?}");
        }
    }
    assert_eq!(session.host.held(), held);
    session.host.close(&session.thread, client).expect("it leaves");
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn an_overlapped_request_has_taken_effect_before_its_completion() {
    let session = Session::new(Kernel::Win10);
    let begin = |operation, input: &[u8], length| {
        let request = IoControl::new(Ioctl::of(operation).code(), input);
        session.host.begin_io_control(&session.thread, &session.file, &request, length).expect("pending")
    };
    let mut reply = [0xAA; 56];
    let input = session.request(Level::Impersonation, 0);
    let pending = begin(Operation::Impersonate, input.as_bytes(), reply.len());
    let slot = session.thread.slot().map(|slot| (slot.token.id(), slot.level));
    assert_eq!(slot, Some((session.client.id(), 2)));
    assert_eq!(pending.deliver(&mut reply), Ok(56));
    let outcome = wire::Outcome::read_from_bytes(&reply).expect("an Outcome");
    assert_eq!((outcome.verdict, outcome.level_stored), (verdict::KEPT, 2));

    // A refusal comes with the completion too, and nothing is written.
    let mut reply = [0xAA; 56];
    let input = session.request(Level::Delegation, 0);
    let pending = begin(Operation::Impersonate, input.as_bytes(), reply.len());
    assert_eq!(pending.deliver(&mut reply), Err(Status::BAD_IMPERSONATION_LEVEL));
    assert_eq!(reply, [0xAA; 56]);
    let _: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
    assert_eq!(session.end(), Ok(()));
}
