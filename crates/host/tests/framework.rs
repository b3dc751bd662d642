//! Each contract of the framework, broken by a driver built for it.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{FaultKind, IoControl};
use psimp_nt::Status;
use support::code::Value::{Argument, At, Number, Of};
use support::driver::{Driver, ENTRY, ON_CONTROL, ON_CREATE, ON_UNLOAD};
use support::run::{CODE, End, fault, fault_of, life, reply};

#[test]
fn a_request_that_is_completed_is_no_fault() {
    let mut driver = Driver::new();
    driver.complete(0, 0);
    assert_eq!(life(&driver, &IoControl::new(CODE, &[1, 2]), 16), End::Well(0));
    let mut driver = Driver::new();
    driver.complete(0xC000_0022, 0);
    assert_eq!(life(&driver, &IoControl::new(CODE, &[1, 2]), 16), End::Status(Status::ACCESS_DENIED));
}

#[test]
fn a_request_is_completed_before_the_callback_returns() {
    let mut driver = Driver::new();
    driver.give(ON_CONTROL, 0.into());
    assert_eq!(fault(&driver).0, FaultKind::NotCompleted);
}

#[test]
fn a_request_is_completed_once() {
    let mut driver = Driver::new();
    driver.complete_only(0, 0);
    driver.complete(0, 0);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::CompletedTwice);
    assert!(message.contains("that was completed by image.sys+0x"), "{message}");
}

#[test]
fn a_request_is_not_used_after_completion() {
    let mut driver = Driver::new();
    driver.complete_only(0, 0);
    driver.framework(ON_CONTROL, "WdfRequestGetFileObject", &[Of(driver.globals), Argument(1)]);
    assert_eq!(fault(&driver).0, FaultKind::AfterCompletion);
}

#[test]
fn information_is_what_the_caller_can_take() {
    let mut driver = Driver::new();
    driver.complete(0, 17);
    let end = life(&driver, &IoControl::new(CODE, &[0; 32]), 16);
    assert_eq!(fault_of(end).0, FaultKind::Completion);
    let mut driver = Driver::new();
    driver.complete(0xC000_000D, 8);
    let end = life(&driver, &IoControl::new(CODE, &[]), 16);
    assert_eq!(fault_of(end).0, FaultKind::Completion);
    let mut driver = Driver::new();
    driver.complete(0x103, 0);
    assert_eq!(fault(&driver).0, FaultKind::Completion);
}

/// A driver that has the system buffer; and the place of its address.
fn with_buffer(of: &str) -> (Driver, support::code::Place) {
    let mut driver = Driver::new();
    let buffer = driver.words(&[0]);
    let values = [Of(driver.globals), Argument(1), 1.into(), At(buffer), 0.into()];
    driver.framework(ON_CONTROL, of, &values);
    (driver, buffer)
}

#[test]
fn bytes_that_are_returned_are_written() {
    let (mut driver, buffer) = with_buffer("WdfRequestRetrieveOutputBuffer");
    driver.code(ON_CONTROL).write(Of(buffer), 0, 1.into()).write(Of(buffer), 16, 3.into());
    driver.complete(0, 24);
    let end = life(&driver, &IoControl::new(CODE, &[]), 24);
    let (kind, message) = fault_of(end);
    assert_eq!(kind, FaultKind::StaleOutput);
    assert!(message.contains("those at offset 8 were never written"), "{message}");
    // The input is in the buffer, so returning it is not.
    let end = life(&driver, &IoControl::new(CODE, &[0; 16]), 24);
    assert_eq!(end, End::Well(24));
}

/// A few stale bytes are no recognisable pattern; they are detected because two
/// replies differ.
#[test]
fn a_stale_byte_shows_when_memory_held_something_else() {
    let (mut driver, buffer) = with_buffer("WdfRequestRetrieveOutputBuffer");
    driver.code(ON_CONTROL).write(Of(buffer), 0, 1.into()).write_byte(Of(buffer), 9, 3);
    driver.complete(0, 10);
    let [one, other] = [0, 0x5A].map(|stale| {
        let mut output = [0; 10];
        let request = IoControl { stale, ..IoControl::new(CODE, &[]) };
        assert_eq!(reply(&driver, &request, &mut output), Ok(10));
        output
    });
    let differing: Vec<_> = (0..10).filter(|&at| one[at] != other[at]).collect();
    assert_eq!(differing, [8]);
}

#[test]
fn the_bytes_around_the_buffer_stay_as_they_are() {
    for offset in [-1, 24] {
        let (mut driver, buffer) = with_buffer("WdfRequestRetrieveInputBuffer");
        driver.code(ON_CONTROL).write_byte(Of(buffer), offset, 7);
        driver.complete(0, 0);
        let end = life(&driver, &IoControl::new(CODE, &[0; 24]), 4);
        let (kind, message) = fault_of(end);
        assert_eq!(kind, FaultKind::BufferOverrun);
        assert!(
            message.contains(&format!("wrote at offset {offset} of a system buffer of 24 bytes")),
            "{message}"
        );
    }
}

#[test]
fn the_buffer_is_not_written_after_completion() {
    let (mut driver, buffer) = with_buffer("WdfRequestRetrieveInputBuffer");
    driver.complete_only(0, 0);
    driver.code(ON_CONTROL).write_byte(Of(buffer), 5, 7);
    driver.give(ON_CONTROL, 0.into());
    let end = life(&driver, &IoControl::new(CODE, &[0; 24]), 0);
    assert_eq!(fault_of(end).0, FaultKind::AfterCompletion);
}

#[test]
fn a_context_is_asked_for_under_its_type() {
    let mut driver = Driver::new();
    let globals = Of(driver.globals);
    let file = driver.words(&[0]);
    driver.framework(ON_CONTROL, "WdfRequestGetFileObject", &[globals, Argument(1)]).keep(file);
    driver.framework(ON_CONTROL, "WdfObjectGetTypedContextWorker", &[globals, Of(file), At(file)]);
    assert_eq!(fault(&driver).0, FaultKind::ContextType);
}

#[test]
fn the_bytes_around_a_context_stay_as_they_are() {
    let mut driver = Driver::new();
    let globals = Of(driver.globals);
    let [file, context] = [driver.words(&[0]), driver.words(&[0])];
    driver.framework(ON_CONTROL, "WdfRequestGetFileObject", &[globals, Argument(1)]).keep(file);
    let values = [globals, Of(file), driver.context_type()];
    driver.framework(ON_CONTROL, "WdfObjectGetTypedContextWorker", &values).keep(context);
    driver.code(ON_CONTROL).write(Of(context), 8, 1.into()).write_byte(Of(context), 16, 1);
    driver.complete(0, 0);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::ContextOverrun);
    assert!(message.contains("wrote at offset 16 of the 16 bytes of context of"), "{message}");
}

#[test]
fn handles_of_the_framework_have_types() {
    let mut driver = Driver::new();
    let globals = Of(driver.globals);
    driver.framework(ON_CONTROL, "WdfRequestComplete", &[globals, Argument(0), 0.into()]);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::FrameworkHandle);
    assert!(message.ends_with("and not a WDFREQUEST"), "{message}");
    let mut driver = Driver::new();
    driver.framework(ON_CONTROL, "WdfRequestComplete", &[At(driver.globals), Argument(1), 0.into()]);
    assert_eq!(fault(&driver).0, FaultKind::BadArgument);
}

#[test]
fn files_and_requests_are_not_the_drivers_to_delete() {
    let mut driver = Driver::new();
    driver.framework(ON_CONTROL, "WdfObjectDelete", &[Of(driver.globals), Argument(1)]);
    assert_eq!(fault(&driver).0, FaultKind::BadArgument);
}

#[test]
fn a_device_init_is_used_up_once() {
    let mut driver = Driver::empty();
    driver.bind(ENTRY);
    let globals = Of(driver.globals);
    driver.framework(ENTRY, "WdfDeviceInitFree", &[globals, Number(0xFFFF_C000_0000_0040)]);
    assert_eq!(fault(&driver).0, FaultKind::DeviceInit);
}

#[test]
fn a_driver_that_fails_to_start_leaves_nothing_behind() {
    let mut driver = Driver::empty();
    driver.give(ENTRY, Number(0xC000_009A));
    let end = life(&driver, &IoControl::new(CODE, &[]), 0);
    assert_eq!(end, End::Status(Status::INSUFFICIENT_RESOURCES));
    let mut driver = Driver::empty();
    driver.bind(ENTRY);
    driver.give(ENTRY, Number(0xC000_009A));
    assert_eq!(fault(&driver).0, FaultKind::Unbind);
}

#[test]
fn callbacks_nest_and_faults_in_them_get_out() {
    // DriverUnload is a function of the framework that calls the driver back.
    let mut driver = Driver::new();
    let mut broken = Driver::empty();
    std::mem::swap(driver.code(ON_UNLOAD), broken.code(ON_UNLOAD));
    driver.framework(ON_UNLOAD, "WdfRequestComplete", &[Of(driver.globals), Argument(0), 0.into()]);
    driver.complete(0, 0);
    assert_eq!(fault(&driver).0, FaultKind::FrameworkHandle);
}

#[test]
fn a_create_can_be_refused() {
    let mut driver = Driver::new();
    let mut other = Driver::empty();
    std::mem::swap(driver.code(ON_CREATE), other.code(ON_CREATE));
    let values = [Of(driver.globals), Argument(1), Number(0xC000_0022)];
    driver.framework(ON_CREATE, "WdfRequestComplete", &values);
    driver.give(ON_CREATE, 0.into());
    driver.complete(0, 0);
    assert_eq!(life(&driver, &IoControl::new(CODE, &[]), 0), End::Status(Status::ACCESS_DENIED));
}

#[test]
fn a_device_is_opened_once_it_is_initialised() {
    const NO_SUCH_DEVICE: Status = Status(0xC000_000E);
    let mut driver = Driver::without("WdfControlFinishInitializing");
    driver.complete(0, 0);
    assert_eq!(life(&driver, &IoControl::new(CODE, &[]), 0), End::Status(NO_SUCH_DEVICE));
}

#[test]
fn a_deleted_device_stays_for_its_files() {
    let mut driver = Driver::new();
    driver.framework(ON_CONTROL, "WdfObjectDelete", &[Of(driver.globals), Of(driver.device)]);
    driver.complete(0, 0);
    assert_eq!(life(&driver, &IoControl::new(CODE, &[]), 0), End::Well(0));
}

#[test]
fn without_a_callback_there_is_nobody_to_ask() {
    let mut driver = Driver::without("WdfDeviceInitSetIoInCallerContextCallback");
    driver.complete(0, 0);
    let end = life(&driver, &IoControl::new(CODE, &[]), 0);
    assert_eq!(end, End::Status(Status::INVALID_DEVICE_REQUEST));
}

#[test]
fn structures_are_as_long_as_they_say() {
    let mut driver = Driver::empty();
    driver.bind(ENTRY);
    let config = driver.words(&[31, 0, 0, 1]);
    let globals = Of(driver.globals);
    let values = [globals, Argument(0), At(driver.path), 0.into(), At(config), 0.into()];
    driver.framework(ENTRY, "WdfDriverCreate", &values);
    let result = driver.words(&[0]);
    driver.code(ENTRY).keep(result);
    driver.unbind(ENTRY);
    driver.code(ENTRY).result(Of(result)).give_result();
    let end = life(&driver, &IoControl::new(CODE, &[]), 0);
    assert_eq!(end, End::Status(Status::INFO_LENGTH_MISMATCH));

    let mut driver = Driver::new();
    let parameters = driver.words(&[39, 0, 0, 0, 0]);
    driver.framework(ON_CONTROL, "WdfRequestGetParameters", &[globals, Argument(1), At(parameters)]);
    assert_eq!(fault(&driver).0, FaultKind::BadArgument);
}

#[test]
fn the_globals_are_good_for_one_binding() {
    let mut driver = Driver::empty();
    driver.bind(ENTRY);
    driver.unbind(ENTRY);
    driver.unbind(ENTRY);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::BadArgument);
    assert_eq!(message, "WdfVersionUnbind was called without a binding to the framework");
}

#[test]
fn a_pool_tag_is_four_printable_characters() {
    let with = |tag: [u8; 4]| {
        let mut driver = Driver::new();
        driver.set_pool_tag(u32::from_le_bytes(tag));
        driver.complete(0, 0);
        life(&driver, &IoControl::new(CODE, &[]), 0)
    };
    for tag in [[0; 4], *b"psmp", *b"A ~!"] {
        assert_eq!(with(tag), End::Well(0), "{tag:X?}");
    }
    for tag in [*b"psm\0", *b"ps\tp", [0x7F; 4], [b'p', b's', b'm', 0xE4]] {
        let End::Fault(fault) = with(tag) else { panic!("{tag:X?}") };
        assert_eq!(fault.kind, FaultKind::BadArgument);
        assert!(fault.message.contains("was given the pool tag 0x"), "{fault}");
    }
}
