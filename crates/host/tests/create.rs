//! The information that a driver gets about the open of its device and the name.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{Failure, Fault, FaultKind, File, Host, IoControl, Open};
use psimp_model::{Kernel, SecurityQos, System, Thread};
use psimp_nt::{Level, Status, TokenType};
use std::sync::Arc;
use support::code::Place;
use support::code::Value::{Argument, At, Behind, Of};
use support::driver::{Driver, NAME, ON_CLOSE, ON_CONTROL, ON_CREATE};
use support::run::CODE;
use support::{process, token};

/// A driver whose create callback is still empty.
fn driver() -> Driver {
    let mut driver = Driver::new();
    driver.rewrite(ON_CREATE);
    driver
}

/// Gets the parameters; returns their place.
fn parameters(driver: &mut Driver) -> Place {
    let parameters = driver.words(&[40, 0, 0, 0, 0]);
    driver.framework(
        ON_CREATE,
        "WdfRequestGetParameters",
        &[Of(driver.globals), Argument(1), At(parameters)],
    );
    parameters
}

/// Completes the create request and returns.
fn created(driver: &mut Driver) {
    driver.framework(ON_CREATE, "WdfRequestComplete", &[Of(driver.globals), Argument(1), 0.into()]);
    driver.give(ON_CREATE, 0.into());
}

/// The control callback returns the value of a place.
fn returned(driver: &mut Driver, place: Place, length: u64) {
    let buffer = driver.words(&[0]);
    let values = [Of(driver.globals), Argument(1), 1.into(), At(buffer), 0.into()];
    driver.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &values);
    driver.call(ON_CONTROL, "memcpy", &[Of(buffer), At(place), length.into()]);
    driver.complete(0, length);
}

/// A running driver, and a program.
struct Running {
    system: Arc<System>,
    host: Host,
    thread: Arc<Thread>,
}

impl Running {
    fn start(driver: &Driver) -> Self {
        let system = Arc::new(System::new(Kernel::Win10));
        let host = Host::load(&driver.image(), system.clone()).expect("the driver starts");
        let (_, thread) = process(&system);
        Self { system, host, thread }
    }

    fn open(&self, name: &str, quality: Option<SecurityQos>) -> Result<File, Failure> {
        self.host.open_with(&self.thread, &Open { name, desired: 0x8000_0002, quality })
    }

    fn ask<const N: usize>(&self, file: &File) -> Result<[u8; N], Failure> {
        let mut output = [0; N];
        let sent =
            self.host.device_io_control(&self.thread, file, &IoControl::new(CODE, &[]), &mut output)?;
        assert_eq!(sent, N);
        Ok(output)
    }

    /// The values that the driver keeps of an open.
    fn answer<const N: usize>(&self, name: &str, quality: Option<SecurityQos>) -> [u8; N] {
        let file = self.open(name, quality).expect("the device opens");
        let answer = self.ask(&file).expect("it answers");
        self.host.close(&self.thread, file).expect("it closes");
        answer
    }
}

fn fault<T>(result: Result<T, Failure>) -> Fault {
    match result.err() {
        Some(Failure::Fault(fault)) => fault,
        other => panic!("no fault: {other:?}"),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[test]
fn the_name_below_the_device_is_the_files() {
    let mut driver = driver();
    let [name, string] = [driver.words(&[0]), driver.words(&[0; 2])];
    driver.framework(ON_CREATE, "WdfFileObjectGetFileName", &[Of(driver.globals), Argument(2)]).keep(name);
    driver.call(ON_CREATE, "memcpy", &[At(string), Of(name), 16.into()]);
    created(&mut driver);
    returned(&mut driver, string, 16);
    let running = Running::start(&driver);
    for (path, length) in [(NAME, 0_u16), (r"\device\TEST\Client", 14), (r"\Device\Test\", 2)] {
        let string: [u8; 16] = running.answer(path, None);
        assert_eq!(string[..4], [length.to_le_bytes(), length.to_le_bytes()].concat(), "{path}");
        assert_eq!(string[8..] == [0; 8], length == 0, "{path}");
    }
    for wrong in [r"\Device\Testing", r"\Device\Tes", r"\Device"] {
        let refused = running.open(wrong, None).map(drop);
        assert_eq!(refused, Err(Failure::Status(Status::OBJECT_NAME_NOT_FOUND)), "{wrong}");
    }
    let long = format!(r"{NAME}\{}", "x".repeat(0x8000));
    assert_eq!(running.open(&long, None).map(drop), Err(Failure::Status(Status(0xC000_0033))));
    assert_eq!(running.host.unload(), Ok(()));
}

#[test]
fn the_characters_of_the_name_are_there_as_long_as_the_file() {
    let mut driver = driver();
    let [name, characters] = [driver.words(&[0]), driver.words(&[0, 0])];
    driver.framework(ON_CREATE, "WdfFileObjectGetFileName", &[Of(driver.globals), Argument(2)]).keep(name);
    created(&mut driver);
    // Another request of the same file sees the same string.
    driver.call(ON_CONTROL, "memcpy", &[At(characters), Behind(name, 8), 14.into()]);
    returned(&mut driver, characters, 14);
    let running = Running::start(&driver);
    let characters: [u8; 14] = running.answer(&format!(r"{NAME}\Client"), None);
    let expected: Vec<u8> = r"\Client".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(characters[..], expected);
    assert_eq!(running.host.unload(), Ok(()));
}

#[test]
fn a_name_below_the_link_is_one_below_the_device() {
    let (mut driver, name) = keeps_name();
    let link = driver.string(r"\DosDevices\Test");
    let values = [Of(driver.globals), Of(driver.device), At(link)];
    driver.framework(ON_CONTROL, "WdfDeviceCreateSymbolicLink", &values);
    returned(&mut driver, name, 8);
    let running = Running::start(&driver);
    let path = r"\DosDevices\Test\Client";
    assert_eq!(running.open(path, None).map(drop), Err(Failure::Status(Status::OBJECT_NAME_NOT_FOUND)));
    let _: [u8; 8] = running.answer(NAME, None);
    running.open(path, None).expect("it opens");
    let other = running.open(&format!("{path}s"), None).expect("it opens");
    running.host.close(&running.thread, other).expect("it closes");
}

/// A driver that keeps where the name of the file opened last is.
fn keeps_name() -> (Driver, Place) {
    let mut driver = driver();
    let name = driver.words(&[0]);
    driver.framework(ON_CREATE, "WdfFileObjectGetFileName", &[Of(driver.globals), Argument(2)]).keep(name);
    created(&mut driver);
    (driver, name)
}

#[test]
fn the_name_goes_with_the_file() {
    let (mut driver, name) = keeps_name();
    driver.code(ON_CONTROL).read(Behind(name, 8));
    driver.complete(0, 0);
    let running = Running::start(&driver);
    let file = running.open(NAME, None).expect("it opens");
    let other = running.open(&format!(r"{NAME}\Client"), None).expect("it opens");
    assert_eq!(running.ask(&file), Ok([]));
    running.host.close(&running.thread, other).expect("it closes");
    let fault = fault(running.ask::<0>(&file));
    assert_eq!(fault.kind, FaultKind::MemoryAccess);
    assert!(fault.message.contains("an address that cannot exist"), "{fault}");
}

#[test]
fn bytes_behind_the_name_are_not_the_drivers() {
    let (mut driver, name) = keeps_name();
    driver.code(ON_CONTROL).write_byte(Of(name), 16 + 14, 1);
    driver.complete(0, 0);
    let running = Running::start(&driver);
    let file = running.open(&format!(r"{NAME}\Client"), None).expect("it opens");
    assert_eq!(running.ask(&file), Ok([]));
    let fault = fault(running.host.close(&running.thread, file));
    assert_eq!(fault.kind, FaultKind::ContextOverrun);
    assert!(fault.message.contains("at offset 30 of the 30 bytes of name of WDFFILEOBJECT"), "{fault}");
}

/// A driver that keeps the parameters, the security context and, if there is one,
/// the quality of service; all three are returned.
fn keeps_security(with_quality: bool) -> Driver {
    let mut driver = driver();
    let parameters = parameters(&mut driver);
    let copies = driver.words(&[0; 10]);
    let [security, quality] = [driver.words(&[0]), driver.words(&[0])];
    driver.call(ON_CREATE, "memcpy", &[At(security), At(Place(parameters.0 + 8)), 8.into()]);
    driver.call(ON_CREATE, "memcpy", &[At(copies), Of(security), 24.into()]);
    driver.call(ON_CREATE, "memcpy", &[At(quality), At(copies), 8.into()]);
    if with_quality {
        driver.call(ON_CREATE, "memcpy", &[At(Place(copies.0 + 24)), Of(quality), 12.into()]);
    }
    driver.call(ON_CREATE, "memcpy", &[At(Place(copies.0 + 40)), At(parameters), 40.into()]);
    created(&mut driver);
    returned(&mut driver, copies, 80);
    driver
}

#[test]
fn the_request_says_who_opens_and_how() {
    let running = Running::start(&keeps_security(false));
    let plain: [u8; 80] = running.answer(NAME, None);
    assert_eq!(plain[..8], [0; 8], "no quality of service");
    assert_ne!(plain[8..16], [0; 8], "an ACCESS_STATE");
    assert_eq!(word(&plain, 16), 0x0012_0089 | 2, "the generic right is mapped");
    assert_eq!(word(&plain, 20), 0, "FullCreateOptions");
    assert_eq!(word(&plain, 40 + 4), 0, "WdfRequestTypeCreate");
    assert_ne!(plain[48..56], [0; 8]);
    assert_eq!(word(&plain, 40 + 16), 0x0100_0000, "FILE_OPEN");
    assert_eq!(plain[64..80], [0; 16]);
    assert_eq!(running.host.unload(), Ok(()));
}

#[test]
fn the_quality_of_service_is_as_the_caller_gave_it() {
    let running = Running::start(&keeps_security(true));
    for (level, tracking, effective_only) in [(2, 1, true), (3, 0, false), (0xFFFF_FFFF, 0x7F, false)] {
        let quality = SecurityQos { level, tracking, effective_only };
        let told: [u8; 80] = running.answer(NAME, Some(quality));
        assert_ne!(told[..8], [0; 8]);
        assert_eq!((word(&told, 24), word(&told, 28)), (12, level));
        assert_eq!(told[32..36], [tracking, u8::from(effective_only), 0, 0]);
    }
    assert_eq!(running.host.unload(), Ok(()));
}

#[test]
fn the_security_context_goes_when_the_request_is_completed() {
    let mut completed = driver();
    let parameters = parameters(&mut completed);
    completed.framework(ON_CREATE, "WdfRequestComplete", &[Of(completed.globals), Argument(1), 0.into()]);
    completed.code(ON_CREATE).read(Of(Place(parameters.0 + 8)));
    completed.give(ON_CREATE, 0.into());
    let running = Running::start(&completed);
    let fault = fault(running.open(NAME, None));
    assert_eq!(fault.kind, FaultKind::MemoryAccess);
    let words = "byte 0 of the IO_SECURITY_CONTEXT of a create request that is completed";
    assert!(fault.message.contains(words), "{fault}");
}

#[test]
fn the_security_context_does_not_come_back_in_a_later_request() {
    let mut kept = driver();
    let parameters = parameters(&mut kept);
    created(&mut kept);
    kept.code(ON_CONTROL).read(Of(Place(parameters.0 + 8)));
    kept.complete(0, 0);
    let running = Running::start(&kept);
    let file = running.open(NAME, None).expect("it opens");
    let fault = fault(running.ask::<0>(&file));
    assert_eq!(fault.kind, FaultKind::MemoryAccess);
    assert!(fault.message.contains("of a create request that is completed"), "{fault}");
}

#[test]
fn bytes_behind_the_security_context_are_not_the_drivers() {
    let mut overrun = driver();
    let parameters = parameters(&mut overrun);
    overrun.code(ON_CREATE).write_byte(Of(Place(parameters.0 + 8)), 24, 1);
    created(&mut overrun);
    let running = Running::start(&overrun);
    let fault = fault(running.open(NAME, None));
    assert_eq!(fault.kind, FaultKind::MemoryAccess);
    assert!(fault.message.contains("byte 24 of the IO_SECURITY_CONTEXT of a create request"), "{fault}");
}

/// No structure of the host's lies there: the guard bytes do, and then a page that nothing may touch.
#[test]
fn bytes_behind_the_file_object_are_not_the_drivers() {
    let mut overrun = driver();
    let file = overrun.words(&[0]);
    let values = [Of(overrun.globals), Argument(2)];
    overrun.framework(ON_CREATE, "WdfFileObjectWdmGetFileObject", &values).keep(file);
    overrun.code(ON_CREATE).result(Behind(file, 256));
    created(&mut overrun);
    let running = Running::start(&overrun);
    let fault = fault(running.open(NAME, Some(SecurityQos::at(Level::Impersonation))));
    assert_eq!(fault.kind, FaultKind::MemoryAccess);
    assert!(fault.message.contains("byte 256 of the FILE_OBJECT of a create request"), "{fault}");
}

/// `SECURITY_QUALITY_OF_SERVICE` in two words.
fn quality(level: u32, tracking: u8) -> [u64; 2] {
    [0xC | u64::from(level) << 32, tracking.into()]
}

/// A driver that keeps a context of the opener, impersonates it in each request,
/// and releases it with one routine or the other when the file is closed.
fn impersonates(quality: [u64; 2], primary: bool) -> Driver {
    let mut driver = driver();
    let [quality, context] = [driver.words(&quality), driver.words(&[0; 9])];
    let [thread, kind] = [driver.words(&[0]), driver.words(&[0])];
    driver.call(ON_CREATE, "PsGetCurrentThread", &[]).keep(thread);
    driver.call(ON_CREATE, "SeCreateClientSecurity", &[Of(thread), At(quality), 0.into(), At(context)]);
    created(&mut driver);
    let held = Of(Place(context.0 + 16));
    driver.call(ON_CONTROL, "SeTokenType", &[held]).keep(kind);
    // Bits that the routine does not set are not zero.
    driver.code(ON_CONTROL).write(At(context), 8, Of(kind));
    driver.call(ON_CONTROL, "SeImpersonateClientEx", &[At(context), 0.into()]);
    returned(&mut driver, kind, 4);
    driver.rewrite(ON_CLOSE);
    let routine = if primary { "PsDereferencePrimaryToken" } else { "PsDereferenceImpersonationToken" };
    driver.call(ON_CLOSE, routine, &[held]);
    driver.give(ON_CLOSE, 0.into());
    driver
}

#[test]
fn a_server_impersonates_who_opened() {
    // Static tracking makes a copy, which is an impersonation token; dynamic
    // tracking keeps the client's own, here a primary token.
    for (tracking, token_type) in [(0, 2), (1, 1)] {
        let driver = impersonates(quality(2, tracking), tracking == 1);
        let running = Running::start(&driver);
        let file = running.open(NAME, None).expect("it opens");
        let held = running.host.held();
        assert_eq!(held.len(), 1, "{held:?}");
        assert!(held[0].message.contains("that SeCreateClientSecurity gave on token"), "{held:?}");
        assert_eq!(running.ask(&file), Ok(u32::to_le_bytes(token_type)));
        let slot = running.thread.slot().expect("it impersonates");
        assert!(slot.copy_on_open);
        assert_eq!(Arc::ptr_eq(&slot.token, &running.thread.process().primary()), tracking == 1);
        running.host.close(&running.thread, file).expect("it closes");
        assert_eq!(running.host.unload(), Ok(()));
    }
}

#[test]
fn a_client_that_impersonates_is_its_client() {
    for tracking in [0, 1] {
        let running = Running::start(&impersonates(quality(1, tracking), false));
        let client = token(&running.system, TokenType::Impersonation, Level::Impersonation);
        let thread = &running.thread;
        running.system.ps_impersonate_client(thread, Some(&client), false, true, 2).expect("it may");
        let file = running.open(NAME, None).expect("it opens");
        running.system.ps_revert_to_self(thread);
        assert_eq!(running.ask(&file), Ok(2_u32.to_le_bytes()));
        let slot = thread.slot().expect("it impersonates");
        assert_eq!((slot.level, slot.effective_only), (1, tracking == 1));
        assert_eq!(Arc::ptr_eq(&slot.token, &client), tracking == 1);
        running.host.close(thread, file).expect("it closes");
        assert_eq!(running.host.unload(), Ok(()));
    }
}
