//! Clients of the driver's image: what the catalogue cannot express.

use crate::session::{Session, failed, image, send, spec};
use psimp_host::{Call, Decision, Failure, File, Observer, Open, Options, StartError};
use psimp_model::{Group, Kernel, SecurityQos, Thread, TokenSpec, sids};
use psimp_nt::{Level, Sid, Status, TokenType};
use psimp_protocol::wire::{self, connection_flags, impersonate_flags};
use psimp_protocol::{CLIENT_NAME, LINK_NAME, Operation, PROTOCOL_VERSION};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Session {
    /// The session's own thread connects.
    fn connect(&self, quality: SecurityQos) -> Result<File, Failure> {
        self.connect_on(&self.thread, quality)
    }

    fn connect_on(&self, thread: &Arc<Thread>, quality: SecurityQos) -> Result<File, Failure> {
        let name = format!("{LINK_NAME}{CLIENT_NAME}");
        self.host.open_with(thread, &Open { name: &name, desired: 1, quality: Some(quality) })
    }

    /// A thread of a new process of this user.
    fn stranger(&self, user: u32) -> Arc<Thread> {
        let user = Sid::new(5, &[21, 9, 9, 9, 2000 + user]);
        let primary = TokenSpec { user, ..spec(TokenType::Primary, Level::Anonymous) };
        let system = &self.system;
        system.create_thread(&system.create_process(system.create_token(primary)))
    }

    fn next_client(&self, after: u64) -> Result<wire::Connection, Failure> {
        let request = wire::NextClient { version: PROTOCOL_VERSION, reserved: 0, after };
        self.send(Operation::NextClient, &request)
    }

    fn serve(&self, connection: u64, level: u32) -> Result<wire::Outcome, Failure> {
        let request = wire::Serve { version: PROTOCOL_VERSION, level, connection, flags: 0, reserved: 0 };
        self.send(Operation::Serve, &request)
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn the_last_client_that_fits_is_connected_and_the_next_is_not() {
    let session = Session::new(Kernel::Win10);
    let dynamic = SecurityQos { tracking: SecurityQos::DYNAMIC, ..SecurityQos::at(Level::Identification) };
    let mut clients = Vec::new();
    for user in 0..10 {
        for _process in 0..4 {
            let thread = session.stranger(user);
            clients.extend((0..250).map(|_| session.connect_on(&thread, dynamic).expect("there is room")));
        }
        let thread = session.stranger(user);
        let more = session.connect_on(&thread, dynamic).map(drop);
        let full = if user < 9 { Status::QUOTA_EXCEEDED } else { Status::INSUFFICIENT_RESOURCES };
        assert_eq!(more, failed(full), "of user {user}");
    }
    assert_eq!(clients.len(), 10_000);
    // The server's file is found at once, although all clients connected after it.
    let visits = session.file.visits();
    let mut after = 0;
    for _ in 0..10_000 {
        let told = session.next_client(after).expect("a client");
        assert!(told.id > after);
        after = told.id;
    }
    assert_eq!(session.next_client(after).map(drop), failed(Status::NO_MORE_ENTRIES));
    assert_eq!(session.file.visits() - visits, 10_001);
    assert_eq!(session.connect(dynamic).map(drop), failed(Status::INSUFFICIENT_RESOURCES));
    session.host.close(&session.thread, clients.swap_remove(7)).expect("one leaves");
    clients.push(session.connect(dynamic).expect("there is room again"));
    for client in clients {
        session.host.close(&session.thread, client).expect("it leaves");
    }
    assert_eq!(session.next_client(0).map(drop), failed(Status::NO_MORE_ENTRIES));
    assert_eq!(session.end(), Ok(()));
}

/// What the device's descriptor should have refused, the driver refuses.
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn the_driver_checks_who_opens_without_the_devices_descriptor() {
    const READ: u32 = 1;
    const WRITE: u32 = 2;
    let refused = Err(Failure::Status(Status::ACCESS_DENIED));
    for (setting, connects) in [(0, refused.clone()), (2, refused.clone()), (1, Ok(()))] {
        let parameters = [("Clients".to_owned(), setting)].into();
        let options = Options { device_descriptors: false, parameters, ..Options::default() };
        let session = Session::with(Kernel::Win10, options);
        let user = TokenSpec {
            user: Sid::new(5, &[21, 9, 9, 9, 2000]),
            groups: vec![Group { sid: sids::AUTHENTICATED_USERS, enabled: true }],
            ..spec(TokenType::Primary, Level::Anonymous)
        };
        let system = &session.system;
        let thread = system.create_thread(&system.create_process(system.create_token(user)));
        let open = |name: &str, desired| {
            let name = format!("{LINK_NAME}{name}");
            let opened = session.host.open_with(&thread, &Open::new(&name, desired));
            opened.and_then(|file| session.host.close(&thread, file))
        };
        assert_eq!(open(CLIENT_NAME, READ), connects, "Clients is {setting}");
        assert_eq!(open(CLIENT_NAME, WRITE), refused);
        assert_eq!([open("", READ), open("", WRITE)], [refused.clone(), refused.clone()]);
        assert_eq!(session.end(), Ok(()));
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_process_has_250_clients() {
    let session = Session::new(Kernel::Win10);
    let quality = SecurityQos::at(Level::Identification);
    let mut clients: Vec<_> = (0..250).map(|_| session.connect(quality).expect("there is room")).collect();
    assert_eq!(session.connect(quality).map(drop), failed(Status::QUOTA_EXCEEDED));
    session.host.close(&session.thread, clients.swap_remove(99)).expect("one leaves");
    clients.push(session.connect(quality).expect("there is room again"));
    for client in clients {
        session.host.close(&session.thread, client).expect("it leaves");
    }
    assert_eq!(session.end(), Ok(()));
}

/// A server's search starts at the client that it saw last. The result is the same as from the first
/// client, also after clients left or another server took one.
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_server_finds_the_next_client_after_others_left() {
    let session = Session::new(Kernel::Win10);
    let mut clients = BTreeMap::new();
    for _ in 0..8 {
        let last = clients.keys().next_back().copied().unwrap_or_default();
        let file = session.connect(SecurityQos::at(Level::Identification)).expect("connected");
        clients.insert(session.next_client(last).expect("the new one").id, file);
    }
    let ids: Vec<_> = clients.keys().copied().collect();
    let next = |after| session.next_client(after).map(|told| told.id).ok();
    let leave = |clients: &mut BTreeMap<_, _>, id| {
        let file = clients.remove(&id).expect("it is connected");
        session.host.close(&session.thread, file).expect("it leaves");
    };
    let other = session.host.open(&session.thread, LINK_NAME, 3).expect("another server");
    let serve = |file: &File, connection| {
        let request = wire::Serve { connection, level: 1, ..wire::Serve::EXAMPLE };
        let served =
            send::<_, wire::Outcome>(&session.host, &session.thread, file, Operation::Serve, &request);
        served.map(drop)
    };
    assert_eq!(next(ids[2]), Some(ids[3]));
    // The one it saw last leaves, then one before it and one after.
    leave(&mut clients, ids[3]);
    assert_eq!(next(ids[2]), Some(ids[4]));
    leave(&mut clients, ids[1]);
    leave(&mut clients, ids[5]);
    assert_eq!(next(ids[4]), Some(ids[6]));
    // Further back, and the first.
    assert_eq!([next(ids[0]), next(0)], [Some(ids[2]), Some(ids[0])]);
    assert_eq!([next(ids[6]), next(ids[7])], [Some(ids[7]), None]);
    // By id: before and behind the place, one that left, one that another server has.
    assert_eq!([serve(&session.file, ids[0]), serve(&session.file, ids[7])], [Ok(()), Ok(())]);
    assert_eq!(serve(&session.file, ids[3]), failed(Status::NOT_FOUND));
    assert_eq!(serve(&other, ids[4]), Ok(()));
    assert_eq!(next(ids[2]), Some(ids[6]));
    // A close ends the connections of that server alone, those before its place too.
    session.host.cleanup(&session.thread, &session.file).expect("clean");
    let seen = |id| {
        let request = wire::NextClient { after: id - 1, ..wire::NextClient::EXAMPLE };
        let told = send(&session.host, &session.thread, &other, Operation::NextClient, &request);
        told.map(|told: wire::Connection| told.id).ok()
    };
    assert_eq!(
        [seen(ids[0]), seen(ids[4]), seen(ids[6]), seen(ids[7])],
        [Some(ids[2]), Some(ids[4]), Some(ids[6]), None]
    );
    assert_eq!(next(0), None, "it sees nobody after its cleanup");
    let _: wire::Slot =
        send(&session.host, &session.thread, &other, Operation::Revert, &[0_u8; 0]).expect("REVERT");
    for client in clients.into_values() {
        session.host.close(&session.thread, client).expect("it leaves");
    }
    session.host.close(&session.thread, other).expect("the other server leaves");
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn ids_rise_and_are_told_in_their_order() {
    let session = Session::new(Kernel::Win10);
    let quality = |level| SecurityQos::at(level);
    let clients = [Level::Anonymous, Level::Delegation].map(|level| session.connect(quality(level)));
    let first = session.next_client(0).expect("the first");
    let second = session.next_client(first.id).expect("the second");
    assert!(first.id < second.id);
    assert_eq!((first.level, second.level), (0, 3));
    assert_eq!((first.process, first.flags, first.reserved), (session.process.id(), 0, 0));
    assert_eq!(session.next_client(second.id).map(drop), failed(Status::NO_MORE_ENTRIES));
    assert_eq!(session.next_client(u64::MAX).map(drop), failed(Status::NO_MORE_ENTRIES));
    session.serve(second.id, 3).expect("served");
    assert_eq!(session.next_client(first.id).map(|told| told.flags), Ok(connection_flags::SERVED));
    let _: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
    for client in clients {
        session.host.close(&session.thread, client.expect("connected")).expect("it leaves");
    }
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_server_whose_last_handle_is_closed_serves_nobody() {
    let session = Session::new(Kernel::Nt52);
    let client = session.connect(SecurityQos::at(Level::Impersonation)).expect("connected");
    let id = session.next_client(0).expect("a client").id;
    session.host.cleanup(&session.thread, &session.file).expect("clean");
    assert_eq!(session.serve(id, 1).map(drop), failed(Status::FILE_CLOSED));
    assert!(!session.thread.is_impersonating());
    session.host.close(&session.thread, client).expect("it leaves");
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_clients_last_handle_is_its_connection() {
    let session = Session::new(Kernel::Win10);
    let held = session.host.held();
    let client = session.connect(SecurityQos::at(Level::Impersonation)).expect("connected");
    assert_eq!(session.host.held().len(), held.len() + 1);
    let id = session.next_client(0).expect("a client").id;
    session.serve(id, 2).expect("served");
    // The kernel still references the file object, but no handle to it is left.
    session.host.cleanup(&session.thread, &client).expect("clean");
    assert_eq!(session.serve(id, 1).map(drop), failed(Status::NOT_FOUND));
    assert_eq!(session.host.held(), held);
    assert!(session.thread.is_impersonating());
    let _: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
    session.host.close(&session.thread, client).expect("it leaves");
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_client_that_is_effective_only_stays_so_with_dynamic_tracking() {
    for (flags, effective_only) in [(0, false), (impersonate_flags::EFFECTIVE_ONLY, true)] {
        let session = Session::new(Kernel::Win10);
        session.impersonate(Level::Impersonation, flags).expect("IMPERSONATE");
        let quality = SecurityQos { tracking: SecurityQos::DYNAMIC, ..SecurityQos::at(Level::Impersonation) };
        let client = session.connect(quality).expect("connected");
        let _: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
        session.serve(session.next_client(0).expect("a client").id, 2).expect("served");
        let slot = session.thread.slot().map(|slot| (slot.token.id(), slot.effective_only));
        assert_eq!(slot, Some((session.client.id(), effective_only)));
        let _: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
        session.host.close(&session.thread, client).expect("it leaves");
        assert_eq!(session.end(), Ok(()));
    }
}

/// Fails every call of one function.
struct Failing(&'static str);

impl Observer for Failing {
    fn rule(&self, call: &Call<'_>) -> Decision {
        if call.function == self.0 { Decision::Fail } else { Decision::Proceed }
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_device_without_a_lock_is_not_made() {
    let image = image();
    let system = Arc::new(psimp_model::System::new(Kernel::Win10));
    let options = Options { observer: Some(Arc::new(Failing("WdfWaitLockCreate"))), ..Options::default() };
    let started = psimp_host::Host::load_with(&image, system, options);
    let Err(StartError::Status(status)) = started else { panic!("it started, or broke a contract") };
    assert_eq!(status, Status::INSUFFICIENT_RESOURCES);
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn work_that_cannot_be_queued_is_refused() {
    let options = Options { observer: Some(Arc::new(Failing("WdfWorkItemCreate"))), ..Options::default() };
    let session = Session::with(Kernel::Win10, options);
    let head = wire::AccessCheck { version: PROTOCOL_VERSION, desired: 1, length: 96, reserved: 0 };
    let mut input = zerocopy::IntoBytes::as_bytes(&head).to_vec();
    input.extend(psimp_protocol::SERVER_SECURITY);
    let checked: Result<wire::WorkerAccess, _> = session.send(Operation::WorkerCheck, input.as_slice());
    assert_eq!(checked.map(drop), failed(Status::INSUFFICIENT_RESOURCES));
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_worker_may_what_the_caller_may_not() {
    let session = Session::new(Kernel::Win10);
    session.impersonate(Level::Identification, 0).expect("IMPERSONATE");
    let head = wire::AccessCheck { version: PROTOCOL_VERSION, desired: 3, length: 96, reserved: 0 };
    let mut input = zerocopy::IntoBytes::as_bytes(&head).to_vec();
    input.extend(psimp_protocol::SERVER_SECURITY);
    let checked: Result<wire::WorkerAccess, _> = session.send(Operation::WorkerCheck, input.as_slice());
    let refused = wire::Access { granted: 0, status: Status::BAD_IMPERSONATION_LEVEL.0 };
    let granted = wire::Access { granted: 3, status: Status::SUCCESS.0 };
    assert_eq!(checked, Ok(wire::WorkerAccess { caller: refused, worker: granted }));
    // The thread's level was not raised.
    let slot = session.thread.slot().map(|slot| (slot.token.id(), slot.level));
    assert_eq!(slot, Some((session.client.id(), 1)));
    assert_eq!(session.end(), Ok(()));
}
