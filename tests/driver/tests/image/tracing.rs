//! The driver's ETW events, which listeners get them, and their cost without a listener.

use crate::decode::{Decoded, Value, decode};
use crate::session::{CALLER, Session, TOKEN_IMPERSONATE, TOKEN_QUERY, USER, image, spec};
use psimp_host::{
    Call, Decision, Event, Failure, Host, IoControl, Listener, Observer, Open, Options, Requestor, StartError,
};
use psimp_model::{Acl, Kernel, Object, SecurityDescriptor, SecurityQos, System, TokenSpec};
use psimp_nt::{Level, Sid, Status, TokenType};
use psimp_protocol::{IOCTLS, LINK_NAME, MAX_REPLY, Operation, PROTOCOL_VERSION, SERVER_SECURITY, wire};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use zerocopy::IntoBytes;

/// The GUID in `docs/tracing.md`, in the order of its bytes in memory.
const PROVIDER: [u8; 16] =
    [0xD1, 0xF3, 0xC9, 0x2C, 0xF8, 0x5C, 0xF1, 0x5D, 0x66, 0x83, 0x77, 0x54, 0x5E, 0xAA, 0xFD, 0x9E];

const WARNING: u8 = 3;
const INFORMATIONAL: u8 = 4;
const VERBOSE: u8 = 5;
const OPERATIONS: u64 = 1;
const LIFE: u64 = 2;

fn listening(listener: Listener) -> Options {
    Options { listener: Some(listener), ..Options::default() }
}

/// The only event since the last call.
fn one(host: &Host) -> (Event, Decoded) {
    let mut events = host.events();
    assert_eq!(events.len(), 1, "{events:?}");
    let event = events.remove(0);
    let decoded = decode(&event);
    (event, decoded)
}

impl Session {
    /// The only operation event since the last call, without values that differ between runs.
    fn told(&self, level: u8) -> String {
        let (event, decoded) = one(&self.host);
        assert_eq!(event.provider, PROVIDER);
        assert_eq!((event.level, event.keyword), (level, OPERATIONS));
        assert_eq!((event.process, event.thread), (self.process.id(), self.thread.id()));
        assert_eq!(decoded.number("ProcessId"), self.process.id());
        assert_eq!(decoded.number("ThreadId"), self.thread.id());
        assert_eq!((decoded.provider.as_str(), decoded.name.as_str()), ("PsImpersonate", "Operation"));
        let shown =
            decoded.fields.iter().filter(|(name, _)| !matches!(name.as_str(), "ProcessId" | "ThreadId"));
        let id = self.client.id().0;
        let shown =
            shown.map(|(name, value)| format!("{name}={value}").replace(&format!("=0x{id:X}"), "=client"));
        shown.collect::<Vec<_>>().join(" ")
    }
}

/// The fields of an operation without a decision.
const NO_DECISION: &str = "Verdict=\"\" DecidedBy=\"\"";
const NO_LEVEL: &str = "LevelAsked=-1 FlagsAsked=0x0";

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn every_operation_is_told_once() {
    let session = Session::with(Kernel::Win10, listening(Listener::ALL));
    session.host.events();
    for row in IOCTLS {
        let input = row.about().input;
        let input = [input.example, input.tail.1].concat();
        // The example's handles and ids may be those of nothing; that is told too.
        let request = IoControl::new(row.code(), &input);
        let sent =
            session.host.device_io_control(&session.thread, &session.file, &request, &mut [0; MAX_REPLY]);
        assert!(!matches!(sent, Err(Failure::Fault(_))), "{}: {sent:?}", row.name);
        let (_, told) = one(&session.host);
        assert_eq!(told.get("Operation"), &Value::Text(row.name.to_owned()));
        assert_eq!(told.number("ControlCode"), row.code(), "{}", row.name);
    }
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn an_operation_is_told_with_what_came_of_it() {
    let session = Session::with(Kernel::Win10, listening(Listener::ALL));
    session.host.events();

    let _: wire::Version = session.send(Operation::Version, &[0_u8; 0]).expect("VERSION");
    assert_eq!(
        session.told(VERBOSE),
        format!(
            "Operation=\"VERSION\" {NO_DECISION} TokenAsked=0x0 TokenStored=0x0 Id=0x0 ControlCode=0x226000 \
             Status=STATUS_SUCCESS {NO_LEVEL} LevelStored=-1 FlagsStored=0x0 Rule=0 AccessGranted=0x0"
        )
    );
    let _: wire::Evaluation =
        session.send(Operation::Evaluate, &session.request(Level::Impersonation, 1)).expect("EVALUATE");
    assert_eq!(
        session.told(VERBOSE),
        "Operation=\"EVALUATE\" Verdict=\"kept\" DecidedBy=\"driver\" TokenAsked=0x0 TokenStored=0x0 Id=0x0 \
         ControlCode=0x226020 Status=STATUS_SUCCESS LevelAsked=2 FlagsAsked=0x1 LevelStored=2 FlagsStored=0x0 \
         Rule=14 AccessGranted=0x0"
    );
    session.impersonate(Level::Impersonation, 2).expect("IMPERSONATE");
    assert_eq!(
        session.told(INFORMATIONAL),
        "Operation=\"IMPERSONATE\" Verdict=\"kept\" DecidedBy=\"driver\" TokenAsked=client TokenStored=client \
         Id=0x0 ControlCode=0x22A004 Status=STATUS_SUCCESS LevelAsked=2 FlagsAsked=0x2 LevelStored=2 \
         FlagsStored=0x5 Rule=14 AccessGranted=0x0"
    );
    let _: wire::Slot = session.send(Operation::Query, &CALLER).expect("QUERY");
    assert_eq!(session.told(VERBOSE), of_slot("QUERY", 0x22_6008, "0x0", "client", 2, 5));
    let saved = session.save().expect("SAVE").save;
    let save = format!("0x{saved:X}");
    assert_eq!(session.told(INFORMATIONAL), of_slot("SAVE", 0x22_A00C, &save, "client", 2, 5));
    let _: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
    assert_eq!(session.told(INFORMATIONAL), of_slot("REVERT", 0x22_A018, "0x0", "client", 2, 5));
    session.restore(saved).expect("RESTORE");
    assert_eq!(
        session.told(INFORMATIONAL),
        format!(
            "Operation=\"RESTORE\" Verdict=\"kept\" DecidedBy=\"driver\" TokenAsked=client TokenStored=client \
             Id={save} ControlCode=0x22A010 Status=STATUS_SUCCESS LevelAsked=2 FlagsAsked=0x0 LevelStored=2 \
             FlagsStored=0x5 Rule=14 AccessGranted=0x0"
        )
    );
    let _: wire::Slot = session.send(Operation::End, &CALLER).expect("END");
    assert_eq!(session.told(INFORMATIONAL), of_slot("END", 0x22_A01C, "0x0", "client", 2, 5));
    let _: wire::Slot = session.send(Operation::Query, &CALLER).expect("QUERY");
    assert_eq!(session.told(VERBOSE), of_slot("QUERY", 0x22_6008, "0x0", "0x0", -1, 0));
    session.discard(saved).expect("DISCARD");
    assert_eq!(session.told(INFORMATIONAL), of_slot("DISCARD", 0x22_A014, &save, "0x0", -1, 0));
    let descriptor = SecurityDescriptor::new(USER, Some(Acl::granting(&[USER])));
    let descriptor = descriptor.to_self_relative().expect("a short one");
    for (desired, granted) in [(3, "0x3"), (0x0100_0000, "0x0")] {
        session.access_check(&descriptor, desired).expect("ACCESS_CHECK");
        let expected = of_slot("ACCESS_CHECK", 0x22_6024, "0x0", "0x0", -1, 0);
        assert_eq!(
            session.told(VERBOSE),
            expected.replace("AccessGranted=0x0", &format!("AccessGranted={granted}"))
        );
    }
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn clients_and_workers_are_told_of() {
    let session = Session::with(Kernel::Win10, listening(Listener::ALL));
    let quality = SecurityQos { tracking: SecurityQos::DYNAMIC, ..SecurityQos::at(Level::Identification) };
    let name = format!(r"{LINK_NAME}\Client");
    let open = Open { name: &name, desired: 1, quality: Some(quality) };
    let client = session.host.open_with(&session.thread, &open).expect("connected");
    session.host.events();

    let request = wire::NextClient { version: PROTOCOL_VERSION, reserved: 0, after: 0 };
    let told: wire::Connection = session.send(Operation::NextClient, &request).expect("NEXT_CLIENT");
    let id = format!("0x{:X}", told.id);
    assert_eq!(session.told(VERBOSE), of_slot("NEXT_CLIENT", 0x22_6028, &id, "0x0", 1, 0));
    let request =
        wire::Serve { version: PROTOCOL_VERSION, level: 1, connection: told.id, flags: 4, reserved: 0 };
    let outcome: wire::Outcome = session.send(Operation::Serve, &request).expect("SERVE");
    let token = outcome.token_asked;
    assert_eq!(
        session.told(INFORMATIONAL),
        format!(
            "Operation=\"SERVE\" Verdict=\"kept\" DecidedBy=\"kernel\" TokenAsked=0x{token:X} \
             TokenStored=0x{token:X} Id={id} ControlCode=0x22A02C Status=STATUS_SUCCESS LevelAsked=1 \
             FlagsAsked=0x4 LevelStored=1 FlagsStored=0x3 Rule=0 AccessGranted=0x0"
        )
    );
    let _: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
    session.host.events();
    let head = wire::AccessCheck { version: PROTOCOL_VERSION, desired: 1, length: 96, reserved: 0 };
    let input = [head.as_bytes(), &SERVER_SECURITY].concat();
    let _: wire::WorkerAccess = session.send(Operation::WorkerCheck, input.as_slice()).expect("WORKER_CHECK");
    let expected = of_slot("WORKER_CHECK", 0x22_6030, "0x0", "0x0", -1, 0);
    assert_eq!(session.told(VERBOSE), expected.replace("AccessGranted=0x0", "AccessGranted=0x1"));
    session.host.close(&session.thread, client).expect("it leaves");
    assert_eq!(session.end(), Ok(()));
}

/// The event of an operation that reports a slot.
fn of_slot(operation: &str, code: u32, save: &str, token: &str, level: i32, flags: u32) -> String {
    format!(
        "Operation=\"{operation}\" {NO_DECISION} TokenAsked=0x0 TokenStored={token} Id={save} \
         ControlCode=0x{code:X} Status=STATUS_SUCCESS {NO_LEVEL} LevelStored={level} FlagsStored=0x{flags:X} \
         Rule=0 AccessGranted=0x0"
    )
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn an_idle_thread_that_is_restored_has_no_level() {
    let session = Session::with(Kernel::Win10, listening(Listener::ALL));
    let saved = session.save().expect("SAVE").save;
    session.host.events();
    session.restore(saved).expect("RESTORE");
    assert_eq!(
        session.told(INFORMATIONAL),
        format!(
            "Operation=\"RESTORE\" Verdict=\"ended\" DecidedBy=\"kernel\" TokenAsked=0x0 TokenStored=0x0 \
             Id=0x{saved:X} ControlCode=0x22A010 Status=STATUS_SUCCESS {NO_LEVEL} LevelStored=-1 \
             FlagsStored=0x0 Rule=0 AccessGranted=0x0"
        )
    );
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_downgrade_is_a_warning() {
    let session = Session::with(Kernel::Win10, listening(Listener::ALL));
    let client = session.system.create_token(TokenSpec {
        user: Sid::new(5, &[21, 9, 9, 9, 1001]),
        ..spec(TokenType::Impersonation, Level::Impersonation)
    });
    let token =
        session.process.handles().insert(Object::Token(client.clone()), TOKEN_IMPERSONATE | TOKEN_QUERY);
    session.host.events();
    let request = wire::Impersonate { token, ..session.request(Level::Impersonation, 0) };
    let outcome: wire::Outcome = session.send(Operation::Impersonate, &request).expect("IMPERSONATE");
    let (asked, stored) = (client.id().0, outcome.token_stored);
    assert_eq!(
        session.told(WARNING),
        format!(
            "Operation=\"IMPERSONATE\" Verdict=\"copied\" DecidedBy=\"driver\" TokenAsked=0x{asked:X} \
             TokenStored=0x{stored:X} Id=0x0 ControlCode=0x22A004 Status=STATUS_SUCCESS LevelAsked=2 \
             FlagsAsked=0x0 LevelStored=1 FlagsStored=0x1 Rule=7 AccessGranted=0x0"
        )
    );
    // An evaluation alone is not a warning.
    let _: wire::Evaluation = session.send(Operation::Evaluate, &request).expect("EVALUATE");
    let told = session.told(VERBOSE);
    assert!(told.contains("Verdict=\"copied\" DecidedBy=\"driver\""), "{told}");
    assert!(told.contains("LevelAsked=2 FlagsAsked=0x0 LevelStored=1 FlagsStored=0x0 Rule=7"), "{told}");
    let _: wire::Slot = session.send(Operation::Revert, &[0_u8; 0]).expect("REVERT");
    assert_eq!(session.end(), Ok(()));
}

/// The event of an operation that was refused.
fn refused(operation: &str, code: u32, status: &str, asked: &str) -> String {
    format!(
        "Operation=\"{operation}\" {NO_DECISION} TokenAsked=0x0 TokenStored=0x0 Id=0x0 ControlCode=0x{code:X} \
         Status={status} {asked} LevelStored=-1 FlagsStored=0x0 Rule=0 AccessGranted=0x0"
    )
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_refusal_is_a_warning_with_its_status() {
    let session = Session::with(Kernel::Win10, listening(Listener::ALL));
    session.host.events();
    let (thread, file) = (&session.thread, &session.file);
    let send = |request: &IoControl<'_>| session.host.device_io_control(thread, file, request, &mut [0; 128]);
    let refuse = |request: &IoControl<'_>, status, expected: String| {
        assert_eq!(send(request), Err(Failure::Status(status)));
        assert_eq!(session.told(WARNING), expected);
    };
    let raised = session.request(Level::Delegation, 4);
    refuse(
        &IoControl::new(0x22_A004, raised.as_bytes()),
        Status::BAD_IMPERSONATION_LEVEL,
        refused("IMPERSONATE", 0x22_A004, "STATUS_BAD_IMPERSONATION_LEVEL", "LevelAsked=3 FlagsAsked=0x4"),
    );
    // The caller's values are recorded unchanged.
    let claim = wire::Impersonate { level: 0x8000_0001, flags: 0xFFFF_FFFF, ..raised };
    refuse(
        &IoControl::new(0x22_6020, claim.as_bytes()),
        Status::INVALID_PARAMETER,
        refused(
            "EVALUATE",
            0x22_6020,
            "STATUS_INVALID_PARAMETER",
            "LevelAsked=-2147483647 FlagsAsked=0xFFFFFFFF",
        ),
    );
    refuse(
        &IoControl::new(0x22_A004, &[1; 7]),
        Status::INFO_LENGTH_MISMATCH,
        refused("IMPERSONATE", 0x22_A004, "STATUS_INFO_LENGTH_MISMATCH", NO_LEVEL),
    );
    refuse(
        &IoControl::new(0x22_2000, &[]),
        Status::INVALID_DEVICE_REQUEST,
        refused("", 0x22_2000, "STATUS_INVALID_DEVICE_REQUEST", NO_LEVEL),
    );
    refuse(
        &IoControl { requestor: Requestor::Kernel, ..IoControl::new(0x22_6000, &[]) },
        Status::ACCESS_DENIED,
        refused("VERSION", 0x22_6000, "STATUS_ACCESS_DENIED", NO_LEVEL),
    );
    assert_eq!(session.discard(0x1234), Err(Failure::Status(Status::NOT_FOUND)));
    let expected = refused("DISCARD", 0x22_A014, "STATUS_NOT_FOUND", NO_LEVEL);
    assert_eq!(session.told(WARNING), expected.replace("Id=0x0", "Id=0x1234"));
    // The driver may call nothing at this IRQL, and writes no event.
    let irql = IoControl { irql: 2, ..IoControl::new(0x22_6000, &[]) };
    assert_eq!(send(&irql), Err(Failure::Status(Status::INVALID_DEVICE_STATE)));
    assert_eq!(session.host.events(), []);
    assert_eq!(session.end(), Ok(()));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_listener_gets_what_it_asked_for() {
    let warnings = Listener { level: WARNING, ..Listener::ALL };
    let operations = Listener { any_keyword: OPERATIONS, ..Listener::ALL };
    let life = Listener { any_keyword: LIFE, ..Listener::ALL };
    let both = Listener { any_keyword: OPERATIONS, all_keywords: OPERATIONS | LIFE, ..Listener::ALL };
    let rows: [(Option<Listener>, &[&str], u32); 6] = [
        (Some(Listener::ALL), &["Start", "Operation", "Operation"], 3),
        (Some(warnings), &["Operation"], 1),
        (Some(operations), &["Operation", "Operation"], 2),
        (Some(life), &["Start"], 1),
        (Some(both), &[], 0),
        (None, &[], 0),
    ];
    for (listener, expected, writes) in rows {
        let calls = Arc::new(Calls::default());
        let observer: Arc<dyn Observer> = calls.clone();
        let options = Options { listener, observer: Some(observer), ..Options::default() };
        let session = Session::with(Kernel::Win10, options);
        session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
        assert!(session.impersonate(Level::Delegation, 0).is_err());
        let names: Vec<_> = session.host.events().iter().map(|event| decode(event).name).collect();
        assert_eq!(names, expected, "{listener:?}");
        // The driver does not call ETW for the other events.
        assert_eq!(calls.of("EtwWriteTransfer"), writes, "{listener:?}");
        assert_eq!(session.end(), Ok(()));
    }
}

/// Counts the calls of each function, and fails those of one.
#[derive(Default)]
struct Calls {
    made: Mutex<BTreeMap<&'static str, u32>>,
    fails: Option<&'static str>,
}

impl Calls {
    fn failing(function: &'static str) -> Arc<Self> {
        Arc::new(Self { fails: Some(function), ..Self::default() })
    }

    fn of(&self, function: &str) -> u32 {
        self.made.lock().expect("no panic").get(function).copied().unwrap_or(0)
    }

    /// The functions of ETW that were called, and those that are only used for events.
    fn of_tracing(&self) -> BTreeMap<&'static str, u32> {
        let made = self.made.lock().expect("no panic").clone();
        let ids = ["PsGetCurrentProcessId", "PsGetCurrentThreadId"];
        made.into_iter().filter(|(name, _)| name.starts_with("Etw") || ids.contains(name)).collect()
    }
}

impl Observer for Calls {
    fn rule(&self, call: &Call<'_>) -> Decision {
        *self.made.lock().expect("no panic").entry(call.function).or_default() += 1;
        if self.fails == Some(call.function) { Decision::Fail } else { Decision::Proceed }
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn nothing_of_etw_is_called_for_operations_when_nobody_listens() {
    let calls = Arc::new(Calls::default());
    let observer: Arc<dyn Observer> = calls.clone();
    let options = Options { observer: Some(observer), ..Options::default() };
    let session = Session::with(Kernel::Win10, options);
    let only_registered = BTreeMap::from([("EtwRegister", 1), ("EtwSetInformation", 1)]);
    assert_eq!(calls.of_tracing(), only_registered);
    session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
    assert!(session.impersonate(Level::Delegation, 0).is_err());
    let _: wire::Slot = session.send(Operation::Query, &CALLER).expect("QUERY");
    assert_eq!(calls.of_tracing(), only_registered);

    // They are called as soon as there is a listener, and not after it has gone.
    session.host.listen(Some(Listener::ALL)).expect("it may");
    let _: wire::Slot = session.send(Operation::Query, &CALLER).expect("QUERY");
    assert_eq!(session.host.events().len(), 1);
    assert_eq!((calls.of("EtwWriteTransfer"), calls.of("PsGetCurrentProcessId")), (1, 1));
    session.host.listen(None).expect("it may");
    let _: wire::Slot = session.send(Operation::Query, &CALLER).expect("QUERY");
    assert_eq!(session.host.events(), []);
    assert_eq!((calls.of("EtwWriteTransfer"), calls.of("PsGetCurrentProcessId")), (1, 1));
    assert_eq!(session.end(), Ok(()));
    assert_eq!(calls.of("EtwUnregister"), 1);
}

/// The events of start and stop: level and text.
fn life(events: &[Event]) -> Vec<(u8, String)> {
    let told = |event: &Event| {
        assert_eq!((event.keyword, event.provider), (LIFE, PROVIDER));
        (event.level, decode(event).to_string())
    };
    events.iter().map(told).collect()
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn start_and_stop_are_told() {
    let image = image();
    let options = listening(Listener::ALL);
    let log = options.events.clone();
    let host = Host::load_with(&image, Arc::new(System::new(Kernel::Win10)), options).expect("it starts");
    assert_eq!(life(&log.take()), [(INFORMATIONAL, "Start Status=STATUS_SUCCESS".to_owned())]);
    assert_eq!(host.unload(), Ok(()));
    assert_eq!(life(&log.take()), [(INFORMATIONAL, "Stop".to_owned())]);
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_driver_that_cannot_start_says_so_and_has_unregistered_by_then() {
    let image = image();
    for function in ["WdfDriverCreate", "WdfDeviceCreate", "WdfDeviceCreateSymbolicLink"] {
        for listener in [Some(Listener::ALL), None] {
            let calls = Calls::failing(function);
            let observer: Arc<dyn Observer> = calls.clone();
            let options = Options { observer: Some(observer), listener, ..Options::default() };
            let log = options.events.clone();
            let started = Host::load_with(&image, Arc::new(System::new(Kernel::Win10)), options);
            let Err(StartError::Status(status)) = started else { panic!("{function}: {started:?}") };
            assert_eq!(status, Status::INSUFFICIENT_RESOURCES, "{function}");
            assert_eq!(["EtwRegister", "EtwUnregister"].map(|name| calls.of(name)), [1, 1], "{function}");
            let told = (WARNING, "Start Status=STATUS_INSUFFICIENT_RESOURCES".to_owned());
            assert_eq!(life(&log.take()), Vec::from_iter(listener.map(|_| told)), "{function}");
        }
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_driver_that_cannot_register_runs_and_tells_nothing() {
    let no_traits = [("EtwRegister", 1), ("EtwSetInformation", 1), ("EtwUnregister", 1)];
    for (failing, made) in [("EtwRegister", &no_traits[..1]), ("EtwSetInformation", &no_traits)] {
        for listener in [Some(Listener::ALL), None] {
            tells_nothing(failing, listener, made);
        }
    }
}

/// Runs a driver for which one function of ETW fails when it starts; these are all that it calls.
fn tells_nothing(failing: &'static str, listener: Option<Listener>, made: &[(&'static str, u32)]) {
    let calls = Calls::failing(failing);
    let observer: Arc<dyn Observer> = calls.clone();
    let options = Options { observer: Some(observer), listener, ..Options::default() };
    let session = Session::with(Kernel::Win10, options);
    session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
    session.host.listen(Some(Listener::ALL)).expect("it may");
    session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
    assert_eq!(session.host.events(), []);
    assert_eq!(session.end(), Ok(()));
    assert_eq!(calls.of_tracing(), made.iter().copied().collect());
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn what_etw_has_no_room_for_changes_nothing() {
    let calls = Calls::failing("EtwWriteTransfer");
    let observer: Arc<dyn Observer> = calls.clone();
    let options = Options { observer: Some(observer), ..listening(Listener::ALL) };
    let session = Session::with(Kernel::Win10, options);
    let outcome = session.impersonate(Level::Impersonation, 0).expect("IMPERSONATE");
    assert_eq!(outcome.level_stored, 2);
    assert_eq!(session.host.events(), []);
    assert_eq!(session.end(), Ok(()));
}
