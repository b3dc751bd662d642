//! `psimp driver` over a service control manager with injected failures.

use clap::Parser;
use psimp_harness::cli::{Cli, Command, DriverArgs, Exit};
use psimp_harness::commands::driver::code::{Code, Request};
use psimp_harness::commands::driver::image::Machine;
use psimp_harness::commands::driver::refusal::Refusal;
use psimp_harness::commands::driver::service::{
    Service, ServiceFailure, Services, State, install, start, stop, uninstall,
};
use psimp_harness::commands::driver::{DESCRIPTION, DISPLAY_NAME, SERVICE, act, no_device, report};
use psimp_model::{SecurityDescriptor, parse_sddl, sids};
use psimp_nt::Status;
use psimp_protocol::{CLIENT_SECURITY, CLIENTS_SDDL, DEVICE_SDDL, SERVER_SECURITY};

const IMAGE: &str = r"C:\psimp\psimp.sys";

/// The calls that change something, and the failures to inject.
#[derive(Default)]
struct Fake {
    service: Option<Service>,
    called: Vec<&'static str>,
    /// Each fails once.
    fails: Vec<(Request, u32)>,
    /// The device is open elsewhere, so that unloading stays pending.
    open: bool,
    /// The service is open elsewhere, so that deleting stays pending.
    held: bool,
    waits: u32,
}

impl Fake {
    fn with(state: State) -> Self {
        Self { service: Some(service(IMAGE, state)), ..Self::default() }
    }

    fn failing(mut self, request: Request, code: u32) -> Self {
        self.fails.push((request, code));
        self
    }

    fn call(&mut self, request: Request, name: &'static str) -> Result<(), Refusal> {
        self.called.push(name);
        self.check(request)
    }

    fn check(&mut self, request: Request) -> Result<(), Refusal> {
        match self.fails.iter().position(|(failing, _)| *failing == request) {
            None => Ok(()),
            Some(at) => Err(Refusal { request, code: Code::Win32(self.fails.remove(at).1) }),
        }
    }

    fn set(&mut self, state: State) {
        self.service.as_mut().expect("a service").state = state;
    }

    fn state(&self) -> Option<State> {
        self.service.as_ref().map(|service| service.state)
    }
}

impl Services for Fake {
    fn query(&mut self) -> Result<Option<Service>, Refusal> {
        self.check(Request::Query)?;
        Ok(self.service.clone())
    }

    fn create(&mut self, image: &str) -> Result<(), Refusal> {
        self.call(Request::Create, "create")?;
        // As the service control manager of Windows stores it.
        self.service = Some(service(&format!(r"\??\{image}"), State::Stopped));
        Ok(())
    }

    fn describe(&mut self) -> Result<(), Refusal> {
        self.call(Request::Describe, "describe")
    }

    fn start(&mut self) -> Result<(), Refusal> {
        self.call(Request::Start, "start")?;
        self.set(State::Running);
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Refusal> {
        self.call(Request::Stop, "stop")?;
        self.set(if self.open { State::Stopping } else { State::Stopped });
        Ok(())
    }

    fn delete(&mut self) -> Result<(), Refusal> {
        self.call(Request::Delete, "delete")?;
        if !self.held {
            self.service = None;
        }
        Ok(())
    }

    fn open_device(&mut self) -> Result<(), Refusal> {
        self.check(Request::OpenDevice)?;
        let absent = Refusal { request: Request::OpenDevice, code: Code::Nt(Status::OBJECT_NAME_NOT_FOUND) };
        if self.state() == Some(State::Running) { Ok(()) } else { Err(absent) }
    }

    fn wait(&mut self) {
        self.waits += 1;
    }
}

fn service(image: &str, state: State) -> Service {
    Service { image: image.to_owned(), driver_on_demand: true, state }
}

fn args(line: &str) -> DriverArgs {
    match Cli::parse_from(line.split_whitespace()).into_command() {
        Command::Driver(args) => args,
        other => panic!("{line} is {other:?}"),
    }
}

#[test]
fn install_makes_and_describes_the_service() {
    let mut fake = Fake::default();
    assert!(install(&mut fake, IMAGE).expect("it installs"));
    assert_eq!(fake.called, ["create", "describe"]);
    assert_eq!(fake.service.expect("a service").image, r"\??\C:\psimp\psimp.sys");
}

#[test]
fn install_of_the_same_image_changes_nothing() {
    for image in [IMAGE, r"\??\C:\psimp\psimp.sys", r"\\?\c:\PSIMP\psimp.sys"] {
        let mut fake = Fake { service: Some(service(image, State::Running)), ..Fake::default() };
        assert!(!install(&mut fake, IMAGE).expect("it is installed"));
        assert!(fake.called.is_empty(), "{image}");
    }
}

#[test]
fn install_refuses_a_name_that_another_image_has() {
    let mut fake =
        Fake { service: Some(service(r"\??\C:\other\psimp.sys", State::Stopped)), ..Fake::default() };
    let failure = install(&mut fake, IMAGE).expect_err("another image");
    assert_eq!(
        failure.to_string(),
        r"the service PsImpersonate is installed for another image, C:\other\psimp.sys; `psimp driver uninstall` deletes it"
    );
    assert!(fake.called.is_empty());
}

#[test]
fn install_refuses_a_name_that_is_no_driver() {
    let program = Service { driver_on_demand: false, ..service(IMAGE, State::Stopped) };
    let mut fake = Fake { service: Some(program), ..Fake::default() };
    assert!(matches!(install(&mut fake, IMAGE), Err(ServiceFailure::OtherService)));
    assert!(matches!(uninstall(&mut fake), Err(ServiceFailure::OtherService)));
    assert!(fake.called.is_empty());
}

#[test]
fn install_is_undone_when_any_step_fails() {
    for (request, called) in [
        (Request::Query, &[][..]),
        (Request::Create, &["create"]),
        (Request::Describe, &["create", "describe", "delete"]),
    ] {
        let mut fake = Fake::default().failing(request, 1117);
        let failure = install(&mut fake, IMAGE).expect_err("a step fails");
        assert!(matches!(failure, ServiceFailure::Refused(refusal) if refusal.request == request));
        assert_eq!(fake.called, called, "{request:?}");
        assert_eq!(fake.service, None, "{request:?}");
    }
}

#[test]
fn a_failure_to_undo_is_told_with_what_is_left() {
    let mut fake = Fake::default().failing(Request::Describe, 1117).failing(Request::Delete, 1072);
    let failure = install(&mut fake, IMAGE).expect_err("two steps fail");
    assert!(fake.service.is_some());
    let text = failure.to_string();
    assert!(
        text.starts_with("cannot describe the service PsImpersonate: Windows answers error 1117;"),
        "{text}"
    );
    assert!(
        text.ends_with(
            "and undoing it failed: the service is being deleted, and a program still has it open \
             (ERROR_SERVICE_MARKED_FOR_DELETE, error 1072); the service is left; `psimp driver uninstall` deletes it"
        ),
        "{text}"
    );
}

#[test]
fn start_loads_the_driver_and_opens_its_device() {
    let mut fake = Fake::with(State::Stopped);
    start(&mut fake).expect("it starts");
    assert_eq!((fake.called.as_slice(), fake.state()), (&["start"][..], Some(State::Running)));
}

#[test]
fn start_unloads_the_driver_again_when_its_device_does_not_open() {
    let mut fake = Fake::with(State::Stopped).failing(Request::OpenDevice, 31);
    let failure = start(&mut fake).expect_err("no device");
    assert!(
        matches!(failure, ServiceFailure::Refused(Refusal { request: Request::OpenDevice, .. })),
        "{failure}"
    );
    assert_eq!((fake.called.as_slice(), fake.state()), (&["start", "stop"][..], Some(State::Stopped)));
}

#[test]
fn start_that_is_refused_leaves_nothing_to_undo() {
    let mut fake = Fake::with(State::Stopped).failing(Request::Start, 577);
    let failure = start(&mut fake).expect_err("no signature");
    assert!(failure.to_string().contains("bcdedit /set testsigning on"), "{failure}");
    assert_eq!((fake.called.as_slice(), fake.state()), (&["start"][..], Some(State::Stopped)));
}

#[test]
fn what_is_not_in_a_state_for_it_is_refused_without_asking() {
    let loaded = |services: &mut Fake| start(services).expect_err("it is loaded").to_string();
    assert_eq!(
        loaded(&mut Fake::with(State::Running)),
        "the driver is loaded already; `psimp driver stop` unloads it"
    );
    assert!(matches!(start(&mut Fake::with(State::Stopping)), Err(ServiceFailure::InUse)));
    assert!(matches!(start(&mut Fake::default()), Err(ServiceFailure::NotInstalled)));
    assert!(matches!(stop(&mut Fake::with(State::Stopped)), Err(ServiceFailure::NotLoaded)));
    assert!(matches!(stop(&mut Fake::default()), Err(ServiceFailure::NotInstalled)));
    assert!(matches!(uninstall(&mut Fake::default()), Err(ServiceFailure::NotInstalled)));
}

#[test]
fn stop_with_open_handles_says_so_after_five_seconds() {
    let mut fake = Fake { open: true, ..Fake::with(State::Running) };
    let failure = stop(&mut fake).expect_err("the device is open");
    assert_eq!(
        failure.to_string(),
        r"the driver is unloaded as soon as nobody has \\.\PsImpersonate open; end the programs that use it"
    );
    assert_eq!((fake.called.as_slice(), fake.waits), (&["stop"][..], 50));
}

#[test]
fn uninstall_unloads_first() {
    let mut fake = Fake::with(State::Running);
    uninstall(&mut fake).expect("it uninstalls");
    assert_eq!((fake.called.as_slice(), fake.service), (&["stop", "delete"][..], None));
}

#[test]
fn uninstall_deletes_nothing_while_the_driver_cannot_be_unloaded() {
    let mut fake = Fake { open: true, ..Fake::with(State::Running) };
    assert!(matches!(uninstall(&mut fake), Err(ServiceFailure::InUse)));
    assert_eq!(fake.called, ["stop"]);
    let mut fake = Fake::with(State::Running).failing(Request::Stop, 1052);
    assert!(matches!(uninstall(&mut fake), Err(ServiceFailure::Refused(_))));
    assert_eq!((fake.called.as_slice(), fake.state()), (&["stop"][..], Some(State::Running)));
}

#[test]
fn uninstall_loads_the_driver_again_when_its_service_is_not_deleted() {
    let mut fake = Fake::with(State::Running).failing(Request::Delete, 5);
    assert!(matches!(uninstall(&mut fake), Err(ServiceFailure::Refused(_))));
    assert_eq!(
        (fake.called.as_slice(), fake.state()),
        (&["stop", "delete", "start"][..], Some(State::Running))
    );
    let mut fake = Fake::with(State::Stopped).failing(Request::Delete, 5);
    assert!(matches!(uninstall(&mut fake), Err(ServiceFailure::Refused(_))));
    assert_eq!((fake.called.as_slice(), fake.state()), (&["delete"][..], Some(State::Stopped)));
}

#[test]
fn a_service_that_somebody_has_open_is_only_marked() {
    let mut fake = Fake { held: true, ..Fake::with(State::Stopped) };
    assert!(matches!(uninstall(&mut fake), Err(ServiceFailure::Marked)));
}

#[test]
fn a_driver_package_is_left_to_pnputil() {
    let image = r"\SystemRoot\System32\DriverStore\FileRepository\psimp.inf_amd64_1\psimp.sys";
    let mut fake = Fake { service: Some(service(image, State::Running)), ..Fake::default() };
    let failure = uninstall(&mut fake).expect_err("a package");
    assert!(failure.to_string().contains("pnputil /delete-driver"), "{failure}");
    assert!(fake.called.is_empty());
}

#[test]
fn status_is_told_to_people_and_to_programs() {
    let mut fake =
        Fake { service: Some(service(r"\??\C:\psimp\psimp.sys", State::Running)), ..Fake::default() };
    let table = args("psimp driver status");
    let (text, exit) = report(&table, &act(&mut fake, &table, Machine::Amd64));
    assert_eq!(exit, Exit::Passed);
    assert_eq!(
        text.as_deref(),
        Some(
            "service PsImpersonate  installed\n\
             image                  C:\\psimp\\psimp.sys\n\
             driver                 loaded\n\
             \\\\.\\PsImpersonate      opens"
        )
    );
    let json = args("psimp driver status --format json");
    let (text, _) = report(&json, &act(&mut Fake::default(), &json, Machine::Amd64));
    let object: serde_json::Value = serde_json::from_str(&text.expect("an object")).expect("JSON");
    assert_eq!(
        object,
        serde_json::json!({
            "action": "status",
            "done": true,
            "installed": false,
            "loaded": false,
            "state": "not installed",
            "image": null,
            "device": {
                "opens": false,
                "message": "does not open: the driver is not loaded (STATUS_OBJECT_NAME_NOT_FOUND, 0xC0000034)",
            },
        })
    );
}

#[test]
fn without_the_service_control_manager_status_tells_of_the_device() {
    let refusal = "cannot read the service PsImpersonate: Windows answers error 13; the System event log may have details";
    let broken = || Fake::with(State::Running).failing(Request::Query, 13);
    let table = args("psimp driver status");
    let (text, exit) = report(&table, &act(&mut broken(), &table, Machine::Amd64));
    assert_eq!(exit, Exit::Failed);
    assert_eq!(
        text.as_deref(),
        Some(
            "service PsImpersonate  unknown\n\
             image                  unknown\n\
             driver                 unknown\n\
             \\\\.\\PsImpersonate      opens"
        )
    );
    let json = args("psimp driver status --format json");
    let (text, exit) = report(&json, &act(&mut broken(), &json, Machine::Amd64));
    assert_eq!(exit, Exit::Failed);
    let object: serde_json::Value = serde_json::from_str(&text.expect("an object")).expect("JSON");
    assert_eq!(
        object,
        serde_json::json!({
            "action": "status",
            "done": false,
            "installed": null,
            "loaded": null,
            "state": "unknown",
            "image": null,
            "message": refusal,
            "device": { "opens": true, "message": "opens" },
        })
    );
}

#[test]
fn what_is_refused_exits_1_and_is_one_object_in_json() {
    let json = args("psimp driver start --format json");
    let (text, exit) = report(&json, &act(&mut Fake::default(), &json, Machine::Amd64));
    assert_eq!(exit, Exit::Failed);
    let object: serde_json::Value = serde_json::from_str(&text.expect("an object")).expect("JSON");
    assert_eq!(
        object,
        serde_json::json!({
            "action": "start",
            "done": false,
            "message": "the driver is not installed; `psimp driver install` installs it",
        })
    );
    let table = args("psimp driver start");
    assert_eq!(report(&table, &act(&mut Fake::default(), &table, Machine::Amd64)), (None, Exit::Failed));
}

#[test]
fn an_image_that_is_not_there_is_not_installed() {
    let args = args("psimp driver install --image no/such.sys");
    let mut fake = Fake::default();
    let failure = act(&mut fake, &args, Machine::Amd64).expect_err("no image");
    assert_eq!(
        failure.to_string(),
        "there is no image no/such.sys; `cargo xtask build` makes one, --image names another"
    );
    assert!(fake.called.is_empty());
}

#[test]
fn the_service_is_called_as_the_inf_calls_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../psimp.inx");
    let inf = std::fs::read_to_string(path).expect("the INF");
    for line in [
        format!("AddService = {SERVICE},,Service_Inst"),
        format!("Service     = \"{DISPLAY_NAME}\""),
        format!("Description = \"{DESCRIPTION}\""),
    ] {
        assert!(inf.lines().any(|of_inf| of_inf == line), "{line}");
    }
}

#[test]
fn without_the_device_the_sentence_says_why_and_what_to_do() {
    let told = |status| no_device(Refusal { request: Request::OpenDevice, code: Code::Nt(status) });
    assert_eq!(
        told(Status::OBJECT_NAME_NOT_FOUND),
        r"--target device cannot open \\.\PsImpersonate: the driver is not loaded (STATUS_OBJECT_NAME_NOT_FOUND, 0xC0000034); load it with `psimp driver install` and `psimp driver start`"
    );
    assert_eq!(
        told(Status::ACCESS_DENIED),
        r"--target device cannot open \\.\PsImpersonate: only SYSTEM and administrators may open the device (STATUS_ACCESS_DENIED, 0xC0000022); run it again from a prompt opened with «Run as administrator»"
    );
}

#[test]
fn the_driver_checks_against_the_descriptors_of_the_device() {
    for (sddl, bytes) in [(DEVICE_SDDL, &SERVER_SECURITY[..]), (CLIENTS_SDDL, &CLIENT_SECURITY)] {
        let dacl = parse_sddl(sddl).expect("a DACL");
        let parsed = SecurityDescriptor::parse(bytes).expect("a descriptor");
        assert_eq!(parsed, SecurityDescriptor::new(sids::LOCAL_SYSTEM, Some(dacl)), "{sddl}");
    }
}
