//! Processor faults in a driver, and a panic of the host, are returned as faults.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{Call, Decision, Failure, FaultKind, Host, IoControl, Observer, Options};
use psimp_model::{Kernel, System};
use std::sync::Arc;
use std::time::Duration;
use support::code::Value::{At, Code, Number};
use support::driver::{Driver, NAME, ON_CONTROL};
use support::process;
use support::run::{CODE, End, Opened, fault, life};

/// The fault of these instructions; they are at a known place.
fn instructions(bytes: &[u8]) -> (FaultKind, String) {
    let mut driver = Driver::new();
    driver.code(ON_CONTROL).raw(bytes);
    let end = life(&driver, &IoControl::new(CODE, &[]), 0);
    let End::Fault(fault) = end else { panic!("{end:?}") };
    assert!(fault.site.is_some(), "{fault}");
    (fault.kind, fault.message)
}

#[test]
fn memory_that_is_not_there() {
    // mov rax, [0]
    let (kind, message) = instructions(&[0x48, 0x8B, 0x04, 0x25, 0, 0, 0, 0]);
    assert_eq!(kind, FaultKind::MemoryAccess);
    assert_eq!(message, "the driver accessed memory at null, which it may not");
}

#[test]
fn addresses_that_cannot_exist() {
    let mut driver = Driver::new();
    driver.code(ON_CONTROL).read(Number(0x8000_0000_0000_0000));
    assert_eq!(fault(&driver).0, FaultKind::MemoryAccess);
}

#[test]
fn code_and_constants_are_not_written() {
    let mut driver = Driver::new();
    driver.code(ON_CONTROL).write(Code(ON_CONTROL), 0, 0.into());
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::MemoryAccess);
    assert!(message.contains("(image.sys+0x1"), "{message}");
}

#[test]
fn data_is_not_run() {
    let mut driver = Driver::new();
    let data = driver.words(&[0xC3]);
    driver.code(ON_CONTROL).pointer(At(data), &[]);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::Instruction);
    assert!(message.ends_with("where it has no code"), "{message}");
}

#[test]
fn code_that_is_not_there() {
    for nowhere in [0, 0xFFFF_8000_0000_0000] {
        let mut driver = Driver::new();
        driver.code(ON_CONTROL).pointer(Number(nowhere), &[]);
        assert_eq!(fault(&driver).0, FaultKind::Instruction);
    }
}

#[test]
fn aborts_breakpoints_and_divisions() {
    assert_eq!(instructions(&[0x0F, 0x0B]).1, "the driver aborted by an undefined instruction");
    assert_eq!(instructions(&[0xCC]).1, "the driver ran into a breakpoint");
    // xor ecx, ecx; div ecx
    assert_eq!(instructions(&[0x31, 0xC9, 0xF7, 0xF1]).1, "the driver made an arithmetic error");
    // mov ecx, 7; int 29h
    let fast_fail = instructions(&[0xB9, 7, 0, 0, 0, 0xCD, 0x29]);
    assert_eq!(fast_fail, (FaultKind::BugCheck, "the driver stopped by fast-fail 7".to_owned()));
    // cli
    assert_eq!(instructions(&[0xFA]).0, FaultKind::MemoryAccess);
}

#[test]
fn the_stack_ends() {
    // push rax; jmp back to it
    let (kind, message) = instructions(&[0x50, 0xEB, 0xFD]);
    assert_eq!(kind, FaultKind::MemoryAccess);
    assert_eq!(message, "the driver ran out of stack");
}

#[test]
fn a_thread_goes_on_after_a_fault() {
    for _ in 0..3 {
        assert_eq!(instructions(&[0x0F, 0x0B]).0, FaultKind::Instruction);
    }
    let mut driver = Driver::new();
    driver.complete(0, 0);
    assert_eq!(life(&driver, &IoControl::new(CODE, &[]), 0), End::Well(0));
}

#[test]
fn a_driver_that_does_not_return() {
    // jmp to itself
    let mut driver = Driver::new();
    driver.code(ON_CONTROL).raw(&[0xEB, 0xFE]);
    let system = Arc::new(System::new(Kernel::Win10));
    let options = Options { deadline: Some(Duration::from_millis(100)), ..Options::default() };
    let host = Host::load_with(&driver.image(), system.clone(), options).expect("the driver starts");
    let (_, thread) = process(&system);
    let file = host.open(&thread, NAME, 3).expect("the device opens");
    let sent = host.device_io_control(&thread, &file, &IoControl::new(CODE, &[]), &mut []);
    let Err(Failure::Fault(fault)) = sent else { panic!("{sent:?}") };
    assert_eq!(fault.kind, FaultKind::Hang);
    assert!(fault.site.is_some(), "{fault}");
}

struct Panics;

impl Observer for Panics {
    fn rule(&self, call: &Call<'_>) -> Decision {
        assert_ne!(call.function, "KeGetCurrentIrql", "as the test wants it");
        Decision::Proceed
    }
}

#[test]
fn a_panic_of_the_host_is_a_fault() {
    let mut driver = Driver::new();
    driver.call(ON_CONTROL, "KeGetCurrentIrql", &[]);
    driver.complete(0, 0);
    let options = Options { observer: Some(Arc::new(Panics)), ..Options::default() };
    let opened = Opened::by(&driver, options);
    let Err(Failure::Fault(fault)) = opened.send(&opened.thread, &mut []) else { panic!("no fault") };
    assert_eq!(fault.kind, FaultKind::Host);
    assert!(fault.message.contains("panicked in KeGetCurrentIrql"), "{fault}");
}
