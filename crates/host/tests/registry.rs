//! The settings of a driver's service.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{FaultKind, Host, IoControl, Options};
use psimp_model::{Kernel, System};
use std::sync::Arc;
use support::code::Place;
use support::code::Value::{Argument, At, Of};
use support::driver::{Driver, NAME, ON_CONTROL, ON_UNLOAD};
use support::process;
use support::run::CODE;

const KEY_READ: u64 = 0x2_0019;

/// The results of a driver's query for a value: the statuses of opening and of
/// querying, and the value.
fn asked(parameters: &[(&str, u32)], name: &str) -> [u32; 3] {
    let mut driver = Driver::new();
    let globals = Of(driver.globals);
    let [handle, key] = [driver.words(&[0]), driver.words(&[0])];
    // The first word of the globals.
    driver.code(ON_CONTROL).read(globals).keep(handle);
    let results = driver.words(&[u64::MAX; 2]);
    let value = driver.words(&[0xAAAA_AAAA]);
    let name = driver.string(name);
    let open = [globals, Of(handle), KEY_READ.into(), 0.into(), At(key)];
    driver.framework(ON_CONTROL, "WdfDriverOpenParametersRegistryKey", &open).keep(results);
    let status = Place(results.0 + 8);
    if !parameters.is_empty() {
        let query = [globals, Of(key), At(name), At(value)];
        driver.framework(ON_CONTROL, "WdfRegistryQueryULong", &query).keep(status);
        driver.framework(ON_CONTROL, "WdfRegistryClose", &[globals, Of(key)]);
    }
    let buffer = driver.words(&[0]);
    let output = [globals, Argument(1), 1.into(), At(buffer), 0.into()];
    driver.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &output);
    driver.code(ON_CONTROL).write(Of(buffer), 0, Of(results));
    driver.code(ON_CONTROL).write(Of(buffer), 4, Of(status)).write(Of(buffer), 8, Of(value));
    driver.complete(0, 12);
    let parameters = parameters.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    let options = Options { parameters, ..Options::default() };
    let system = Arc::new(System::new(Kernel::Win10));
    let host = Host::load_with(&driver.image(), system.clone(), options).expect("it starts");
    let (_, thread) = process(&system);
    let file = host.open(&thread, NAME, 3).expect("it opens");
    let mut output = [0; 16];
    let sent = host.device_io_control(&thread, &file, &IoControl::new(CODE, &[]), &mut output);
    assert_eq!(sent, Ok(12));
    host.close(&thread, file).expect("it closes");
    assert_eq!(host.unload(), Ok(()));
    [0, 4, 8].map(|at| u32::from_le_bytes(output[at..at + 4].try_into().expect("four bytes")))
}

#[test]
fn a_value_is_found_by_its_name() {
    let parameters = [("Rules", 7), ("Other", 8)];
    assert_eq!(asked(&parameters, "Rules"), [0, 0, 7]);
    assert_eq!(asked(&parameters, "rULES"), [0, 0, 7]);
    assert_eq!(asked(&parameters, "Rule"), [0, 0xC000_0034, 0xAAAA_AAAA]);
}

#[test]
fn without_values_there_is_no_key() {
    assert_eq!(asked(&[], "Rules"), [0xC000_0034, u32::MAX, 0xAAAA_AAAA]);
}

#[test]
fn a_key_goes_with_the_driver_and_with_it_its_context() {
    let mut driver = Driver::new();
    let [key, context] = [driver.words(&[0]), driver.words(&[0])];
    driver.rewrite(ON_UNLOAD);
    let (globals, context_type) = (Of(driver.globals), driver.context_type());
    let attributes = driver.words(&[56, 0, 0, 1 | 1 << 32, 0, 0, 0]);
    driver.code(ON_UNLOAD).write(At(attributes), 48, context_type);
    let open = [globals, Argument(0), KEY_READ.into(), At(attributes), At(key)];
    driver.framework(ON_UNLOAD, "WdfDriverOpenParametersRegistryKey", &open);
    let get = [globals, Of(key), context_type];
    driver.framework(ON_UNLOAD, "WdfObjectGetTypedContextWorker", &get).keep(context);
    driver.code(ON_UNLOAD).write(Of(context), 8, 1.into());
    let unload = |driver: &Driver| {
        let options = Options { parameters: [("Rules".to_owned(), 1)].into(), ..Options::default() };
        let system = Arc::new(System::new(Kernel::Win10));
        Host::load_with(&driver.image(), system, options).expect("it starts").unload()
    };
    let mut overrun = driver.clone();
    driver.give(ON_UNLOAD, 0.into());
    assert_eq!(unload(&driver), Ok(()));
    overrun.code(ON_UNLOAD).write_byte(Of(context), 16, 1);
    overrun.give(ON_UNLOAD, 0.into());
    let faults = unload(&overrun).expect_err("a fault");
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].kind, FaultKind::ContextOverrun);
    assert!(faults[0].message.contains("of the 16 bytes of context of WDFKEY"), "{faults:?}");
}
