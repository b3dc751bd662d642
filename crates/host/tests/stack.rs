//! The call stack that an observer can request.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{Call, Decision, Host, IoControl, Observer, Options, Site};
use psimp_model::{Kernel, System};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use support::code::{Function, Value};
use support::driver::{Driver, NAME, ON_CONTROL, ON_UNLOAD, UNLOAD};
use support::process;
use support::run::CODE;

/// Records the stack of every call.
#[derive(Debug, Default)]
struct Stacks(Mutex<Vec<(&'static str, Vec<Site>)>>);

impl Stacks {
    fn of(&self, function: &str) -> Vec<Vec<Site>> {
        let stacks = self.0.lock().expect("no panic");
        stacks.iter().filter(|(name, _)| *name == function).map(|(_, stack)| stack.clone()).collect()
    }
}

impl Observer for Stacks {
    fn rule(&self, call: &Call<'_>) -> Decision {
        let stack = call.stack();
        // A callback that ends in a jump to an export has no return address
        // there.
        assert!(call.site.rva == 0 || stack.first() == Some(&call.site), "{call:?}: {stack:?}");
        self.0.lock().expect("no panic").push((call.function, stack));
        Decision::Proceed
    }
}

/// The stacks of a run with one request.
fn stacks(driver: &Driver) -> Arc<Stacks> {
    let stacks = Arc::new(Stacks::default());
    let system = Arc::new(System::new(Kernel::Win10));
    let options = Options { observer: Some(stacks.clone()), ..Options::default() };
    let host = Host::load_with(&driver.image(), system.clone(), options).expect("the driver starts");
    let (_, thread) = process(&system);
    let file = host.open(&thread, NAME, 3).expect("the device opens");
    let sent = host.device_io_control(&thread, &file, &IoControl::new(CODE, &[]), &mut []);
    assert_eq!(sent, Ok(0));
    host.close(&thread, file).expect("the file closes");
    assert_eq!(host.unload(), Ok(()));
    stacks
}

/// The one stack on which the driver asked for the IRQL.
fn marked(driver: &Driver) -> Vec<Site> {
    let mut marked = stacks(driver).of("KeGetCurrentIrql");
    assert_eq!(marked.len(), 1);
    marked.remove(0)
}

/// Checks that the return addresses are in these functions, behind calls.
fn assert_calls_in(driver: &Driver, stack: &[Site], functions: &[Function]) {
    let ranges: Vec<Range<u32>> = functions.iter().map(|function| driver.range(*function)).collect();
    assert_eq!(stack.len(), functions.len(), "{stack:?} in {ranges:?}");
    assert!(
        stack.iter().zip(&ranges).all(|(site, range)| range.contains(&site.rva)),
        "{stack:?} in {ranges:?}"
    );
    // The text is at 0x1000 in memory and at 0x400 in the file.
    let file = driver.file();
    for site in stack {
        let before = &file[site.rva as usize - 0xC00 - 6..][..6];
        assert!(before.starts_with(&[0xFF, 0x15]) || before.ends_with(&[0xFF, 0xD0]), "{site}: {before:X?}");
    }
}

/// A driver whose control callback calls a function that calls another one that
/// gets the IRQL.
fn three_deep() -> (Driver, [Function; 3]) {
    three_deep_and(&[])
}

/// The same with more instructions behind the innermost call.
fn three_deep_and(behind: &[u8]) -> (Driver, [Function; 3]) {
    let mut driver = Driver::new();
    let (outer, inner) = (driver.function(), driver.function());
    driver.code(ON_CONTROL).pointer(Value::Code(outer), &[]);
    driver.code(outer).pointer(Value::Code(inner), &[]);
    driver.give(outer, 0.into());
    driver.call(inner, "KeGetCurrentIrql", &[]);
    driver.code(inner).raw(behind);
    driver.give(inner, 0.into());
    driver.complete(0, 0);
    (driver, [inner, outer, ON_CONTROL])
}

#[test]
fn the_stack_has_every_call_that_led_here() {
    let (driver, functions) = three_deep();
    assert_calls_in(&driver, &marked(&driver), &functions);
}

#[test]
fn a_jump_behind_a_call_ends_no_function() {
    // jmp to the next instruction.
    for jump in [&[0xEB, 0][..], &[0xE9, 0, 0, 0, 0]] {
        let (driver, functions) = three_deep_and(jump);
        assert_calls_in(&driver, &marked(&driver), &functions);
    }
}

#[test]
fn the_stack_goes_on_below_a_callback() {
    let mut driver = Driver::new();
    driver.rewrite(ON_UNLOAD);
    driver.call(ON_UNLOAD, "KeGetCurrentIrql", &[]);
    driver.give(ON_UNLOAD, 0.into());
    driver.complete(0, 0);
    // The framework's routine, which unloads, is in between.
    assert_calls_in(&driver, &marked(&driver), &[ON_UNLOAD, UNLOAD]);
}

#[test]
fn without_unwind_data_the_stack_is_the_last_call() {
    let (mut driver, [inner, ..]) = three_deep();
    driver.leave_out_unwind_data();
    assert_calls_in(&driver, &marked(&driver), &[inner]);
}
