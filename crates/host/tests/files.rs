//! The file objects of the framework: where it keeps them, and those that it does not find.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{Failure, FaultKind, Host, IoControl, Open, Options, StartError};
use psimp_model::{Kernel, System, TokenSpec};
use psimp_nt::{Level, Status, TokenType};
use std::sync::Arc;
use support::code::Value::{Argument, At, Behind, Of};
use support::driver::{Driver, NAME, ON_CLOSE, ON_CONTROL, ON_CREATE};
use support::run::{CODE, Opened, answer};
use support::spec;

const NOT_REQUIRED: u32 = 1;
const CAN_USE_FS_CONTEXT: u32 = 2;
const CAN_USE_FS_CONTEXT_2: u32 = 3;
const CANNOT_USE_FS_CONTEXTS: u32 = 4;
const CAN_BE_OPTIONAL: u32 = 0x8000_0000;

/// A driver that looks up the file object of each request.
fn looks_up(class: u32) -> Driver {
    let mut driver = Driver::new();
    driver.set_file_class(class);
    driver.framework(ON_CONTROL, "WdfRequestGetFileObject", &[Of(driver.globals), Argument(1)]);
    driver.complete(0, 0);
    driver
}

#[test]
fn how_many_file_objects_a_request_visits_depends_on_the_class() {
    for (class, visits) in [
        (NOT_REQUIRED, 0),
        (CAN_USE_FS_CONTEXT, 1),
        (CAN_USE_FS_CONTEXT_2, 1),
        (CAN_USE_FS_CONTEXT_2 | CAN_BE_OPTIONAL, 1),
        // The newest comes first.
        (CANNOT_USE_FS_CONTEXTS, 4),
        (CANNOT_USE_FS_CONTEXTS | CAN_BE_OPTIONAL, 4),
    ] {
        let Opened { host, thread, file, .. } = Opened::by(&looks_up(class), Options::default());
        let later = [(); 3].map(|()| host.open(&thread, NAME, 3).expect("it opens"));
        assert_eq!(file.visits(), 0, "{class:X}");
        host.device_io_control(&thread, &file, &IoControl::new(CODE, &[]), &mut []).expect("it answers");
        assert_eq!(file.visits(), visits, "{class:X}");
        host.device_io_control(&thread, &later[2], &IoControl::new(CODE, &[]), &mut []).expect("it answers");
        assert_eq!(later[2].visits(), visits.min(1), "{class:X}");
        host.cleanup(&thread, &file).expect("it is cleaned up");
        assert_eq!(file.visits(), 2 * visits, "{class:X}");
        for file in later {
            host.close(&thread, file).expect("it closes");
        }
        host.close(&thread, file).expect("it closes");
        assert_eq!(host.unload(), Ok(()));
    }
}

/// Where no descriptor is checked, `MAXIMUM_ALLOWED` is all access: a control code that needs read and write
/// access reaches the driver.
#[test]
fn maximum_access_without_a_check_is_all_access() {
    const MAXIMUM_ALLOWED: u32 = 0x0200_0000;
    let mut driver = Driver::new();
    driver.complete(0, 0);
    let options = Options { device_descriptors: false, ..Options::default() };
    let Opened { host, thread, file, .. } = Opened::by(&driver, options);
    let open = |desired| {
        let relative = Open::new("", desired);
        [host.open(&thread, NAME, desired), host.open_relative(&thread, &file, &relative)]
    };
    let reached = |file| {
        let sent = host.device_io_control(&thread, &file, &IoControl::new(CODE | 3 << 14, &[]), &mut []);
        host.close(&thread, file).expect("it closes");
        sent
    };
    for (desired, expected) in [
        (MAXIMUM_ALLOWED, Ok(0)),
        (0x1000_0000, Ok(0)),
        (0x8000_0000, Err(Failure::Status(Status::ACCESS_DENIED))),
        (0, Err(Failure::Status(Status::ACCESS_DENIED))),
    ] {
        for file in open(desired) {
            assert_eq!(reached(file.expect("it opens")), expected, "{desired:X}");
        }
    }
}

#[test]
fn other_classes_are_no_classes() {
    for class in [0, 5, CAN_BE_OPTIONAL, CAN_BE_OPTIONAL | 5] {
        let started = Host::load(&looks_up(class).image(), Arc::new(System::new(Kernel::Win10)));
        let Err(StartError::Fault(fault)) = started else { panic!("{class:X}: {started:?}") };
        assert_eq!(fault.kind, FaultKind::BadArgument);
        assert!(fault.message.contains(&format!("was given the file object class 0x{class:X}")), "{fault}");
    }
}

#[test]
fn a_file_that_the_framework_does_not_know_is_null() {
    let mut driver = Driver::new();
    driver.complete(0, 0);
    let Opened { host, thread, .. } = Opened::by(&driver, Options::default());
    host.close_unknown(&thread, NAME).expect("a driver that looks at no context");
    let missing = Err(Failure::Status(Status::OBJECT_NAME_NOT_FOUND));
    assert_eq!(host.close_unknown(&thread, r"\Device\Nothing"), missing);

    let context = driver.context_type();
    driver.rewrite(ON_CLOSE);
    let values = [Of(driver.globals), Argument(0), context];
    driver.framework(ON_CLOSE, "WdfObjectGetTypedContextWorker", &values);
    driver.give(ON_CLOSE, 0.into());
    let Opened { host, thread, file, .. } = Opened::by(&driver, Options::default());
    let other = host.open(&thread, NAME, 3).expect("it opens");
    host.close(&thread, other).expect("the context of a file that is known");
    let Err(Failure::Fault(fault)) = host.close_unknown(&thread, NAME) else { panic!("no fault") };
    assert_eq!(fault.kind, FaultKind::FrameworkHandle);
    assert!(fault.message.contains("was given null and not a framework object"), "{fault}");
    drop(file);
}

#[test]
fn an_open_relative_to_a_file_says_so() {
    let mut driver = Driver::new();
    driver.rewrite(ON_CREATE);
    let globals = Of(driver.globals);
    let [object, name, kept] = [driver.words(&[0]), driver.words(&[0]), driver.words(&[0; 2])];
    driver.framework(ON_CREATE, "WdfFileObjectWdmGetFileObject", &[globals, Argument(2)]).keep(object);
    driver.framework(ON_CREATE, "WdfFileObjectGetFileName", &[globals, Argument(2)]).keep(name);
    driver.code(ON_CREATE).write(At(kept), 0, Behind(object, 64)).write(At(kept), 8, Behind(name, 0));
    driver.framework(ON_CREATE, "WdfRequestComplete", &[globals, Argument(1), 0.into()]);
    driver.give(ON_CREATE, 0.into());
    let buffer = driver.words(&[0]);
    let values = [globals, Argument(1), 1.into(), At(buffer), 0.into()];
    driver.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &values);
    driver.call(ON_CONTROL, "memcpy", &[Of(buffer), At(kept), 16.into()]);
    driver.complete(0, 16);

    let Opened { system, host, thread, file, .. } = Opened::by(&driver, Options::default());
    // The opener needs a handle to a file, and no access to the device.
    let nobody = TokenSpec { groups: Vec::new(), ..spec(TokenType::Primary, Level::Anonymous) };
    let stranger = system.create_thread(&system.create_process(system.create_token(nobody)));
    let denied = Err(Failure::Status(Status::ACCESS_DENIED));
    assert_eq!(host.open(&stranger, NAME, 1).map(drop), denied);
    for (name, length, absolute) in
        [("", 0_u16, NAME), ("Client", 12, r"\Device\Test\Client"), (r"\Client", 14, r"\Device\Test\Client")]
    {
        let other = host.open_relative(&stranger, &file, &Open::new(name, 1)).expect("it opens");
        let mut told = [0; 16];
        host.device_io_control(&stranger, &other, &IoControl::new(CODE, &[]), &mut told).expect("it answers");
        assert_ne!(told[..8], [0; 8], "{name}: a related file");
        assert_eq!(told[8..10], length.to_le_bytes(), "{name}");
        host.close(&stranger, other).expect("it closes");
        let absolute = host.open(&thread, absolute, 3).expect("it opens");
        host.device_io_control(&thread, &absolute, &IoControl::new(CODE, &[]), &mut told)
            .expect("it answers");
        assert_eq!(told[..8], [0; 8], "{name}: no related file");
        host.close(&thread, absolute).expect("it closes");
    }
    host.close(&thread, file).expect("it closes");
    assert_eq!(host.unload(), Ok(()));
}

#[test]
fn the_result_of_a_create_is_told() {
    for information in [0, 1, 5] {
        let mut driver = Driver::new();
        driver.rewrite(ON_CREATE);
        let values = [Of(driver.globals), Argument(1), 0.into(), information.into()];
        driver.framework(ON_CREATE, "WdfRequestCompleteWithInformation", &values);
        driver.give(ON_CREATE, 0.into());
        driver.complete(0, 0);
        let Opened { file, .. } = Opened::by(&driver, Options::default());
        assert_eq!(file.information() as u64, information);
    }
}

#[test]
fn a_file_is_of_its_device() {
    let mut driver = Driver::new();
    let [file, device] = [driver.words(&[0]), driver.words(&[0])];
    let globals = Of(driver.globals);
    driver.framework(ON_CONTROL, "WdfRequestGetFileObject", &[globals, Argument(1)]).keep(file);
    driver.framework(ON_CONTROL, "WdfFileObjectGetDevice", &[globals, Of(file)]).keep(device);
    let both = driver.words(&[0, 0]);
    driver.code(ON_CONTROL).write(At(both), 0, Of(device)).write(At(both), 8, Argument(0));
    let buffer = driver.words(&[0]);
    let values = [globals, Argument(1), 1.into(), At(buffer), 0.into()];
    driver.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &values);
    driver.call(ON_CONTROL, "memcpy", &[Of(buffer), At(both), 16.into()]);
    driver.complete(0, 16);
    let both = answer(&driver, &[], 16);
    assert_eq!(both[..8], both[8..]);
    assert_ne!(both[..8], [0; 8]);
}
