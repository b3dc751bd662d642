//! Each contract of the kernel's exports, broken by a driver built for it.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{FaultKind, IoControl};
use support::code::Place;
use support::code::Value::{At, Number, Of};
use support::driver::{Driver, ON_CONTROL};
use support::run::{CODE, End, TOKEN_HANDLE, fault, fault_of, life};

const USER_MODE: u64 = 1;
const KERNEL_MODE: u64 = 0;
const KERNEL_HANDLE: u64 = 0x200;

/// A driver that takes a reference on the caller's token; and where it is.
fn with_token() -> (Driver, Place, Place) {
    let mut driver = Driver::new();
    let kind = driver.variable(ON_CONTROL, "SeTokenObjectType");
    let token = driver.words(&[0]);
    let values = [TOKEN_HANDLE.into(), 4.into(), Of(kind), USER_MODE.into(), At(token), 0.into()];
    driver.call(ON_CONTROL, "ObReferenceObjectByHandle", &values);
    (driver, token, kind)
}

#[test]
fn a_reference_that_is_given_back_is_no_fault() {
    let (mut driver, token, _) = with_token();
    driver.call(ON_CONTROL, "SeTokenIsRestricted", &[Of(token)]);
    driver.call(ON_CONTROL, "ObfDereferenceObject", &[Of(token)]);
    driver.complete(0, 0);
    assert_eq!(life(&driver, &IoControl::new(CODE, &[]), 0), End::Well(0));
}

#[test]
fn a_reference_that_is_kept_is_a_leak() {
    let (mut driver, _, _) = with_token();
    driver.complete(0, 0);
    let end = life(&driver, &IoControl::new(CODE, &[]), 0);
    let End::Leaks(leaks) = &end else { panic!("{end:?}") };
    assert!(leaks[0].site.is_some(), "{leaks:?}");
    let (kind, message) = fault_of(end);
    assert_eq!(kind, FaultKind::ReferenceLeak);
    assert!(message.starts_with("the reference that ObReferenceObjectByHandle gave on token "), "{message}");
}

#[test]
fn a_reference_is_given_back_once() {
    let (mut driver, token, _) = with_token();
    driver.call(ON_CONTROL, "ObfDereferenceObject", &[Of(token)]);
    driver.call(ON_CONTROL, "ObfDereferenceObject", &[Of(token)]);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::OverDereference);
    assert!(message.starts_with("ObfDereferenceObject gives back a reference on token "), "{message}");
    assert!(message.contains("does not hold since image.sys+0x"), "{message}");
}

#[test]
fn a_reference_is_given_back_to_the_routine_that_fits() {
    let (mut driver, token, _) = with_token();
    driver.call(ON_CONTROL, "PsDereferencePrimaryToken", &[Of(token)]);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::DereferenceRoutine);
    assert!(message.ends_with("that ObfDereferenceObject takes"), "{message}");
}

#[test]
fn an_object_is_not_used_without_a_reference() {
    let (mut driver, token, _) = with_token();
    driver.call(ON_CONTROL, "ObfDereferenceObject", &[Of(token)]);
    driver.call(ON_CONTROL, "SeTokenIsRestricted", &[Of(token)]);
    assert_eq!(fault(&driver).0, FaultKind::Unreferenced);
}

#[test]
fn an_object_has_one_type() {
    let mut driver = Driver::new();
    let thread = driver.words(&[0]);
    driver.call(ON_CONTROL, "PsGetCurrentThread", &[]).keep(thread);
    driver.call(ON_CONTROL, "SeTokenIsRestricted", &[Of(thread)]);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::ObjectType);
    assert!(message.ends_with("and not a token"), "{message}");
}

#[test]
fn an_object_has_no_memory() {
    let (mut driver, token, _) = with_token();
    driver.code(ON_CONTROL).read(Of(token));
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::MemoryAccess);
    assert!(message.contains("accessed memory at token "), "{message}");
}

#[test]
fn an_object_type_is_what_the_variable_holds() {
    let mut driver = Driver::new();
    let token = driver.words(&[0]);
    let values = [TOKEN_HANDLE.into(), 4.into(), At(token), USER_MODE.into(), At(token), 0.into()];
    driver.call(ON_CONTROL, "ObReferenceObjectByHandle", &values);
    assert_eq!(fault(&driver).0, FaultKind::BadArgument);
}

#[test]
fn handles_of_user_mode_are_not_looked_up_in_kernel_mode() {
    let mut driver = Driver::new();
    let kind = driver.variable(ON_CONTROL, "SeTokenObjectType");
    let token = driver.words(&[0]);
    let values = [TOKEN_HANDLE.into(), 4.into(), Of(kind), KERNEL_MODE.into(), At(token), 0.into()];
    driver.call(ON_CONTROL, "ObReferenceObjectByHandle", &values);
    assert_eq!(fault(&driver).0, FaultKind::HandleMode);
}

/// As [`with_token`], and a handle of the kernel for the token.
fn with_handle(attributes: u64) -> (Driver, Place) {
    let (mut driver, token, kind) = with_token();
    let handle = driver.words(&[0]);
    let values = [Of(token), attributes.into(), 0.into(), 2.into(), Of(kind), KERNEL_MODE.into(), At(handle)];
    driver.call(ON_CONTROL, "ObOpenObjectByPointer", &values);
    driver.call(ON_CONTROL, "ObfDereferenceObject", &[Of(token)]);
    (driver, handle)
}

#[test]
fn handles_are_made_in_the_kernels_table() {
    let (driver, _) = with_handle(0);
    assert_eq!(fault(&driver).0, FaultKind::HandleMode);
}

#[test]
fn handles_are_closed_once() {
    let (mut driver, handle) = with_handle(KERNEL_HANDLE);
    driver.call(ON_CONTROL, "ZwClose", &[Of(handle)]);
    driver.call(ON_CONTROL, "ZwClose", &[Of(handle)]);
    assert_eq!(fault(&driver).0, FaultKind::Handle);
}

#[test]
fn a_handle_that_stays_open_is_a_leak() {
    let (mut driver, _) = with_handle(KERNEL_HANDLE);
    driver.complete(0, 0);
    assert_eq!(fault(&driver).0, FaultKind::HandleLeak);
}

#[test]
fn handles_of_user_mode_are_not_the_drivers_to_close() {
    let mut driver = Driver::new();
    driver.call(ON_CONTROL, "ZwClose", &[TOKEN_HANDLE.into()]);
    assert_eq!(fault(&driver).0, FaultKind::HandleMode);
}

const NON_PAGED: u64 = 0x40;
const TAG: u64 = 0x7473_6554;

/// A driver that allocates 24 bytes; and where their address is.
fn with_block() -> (Driver, Place) {
    let mut driver = Driver::new();
    let block = driver.words(&[0]);
    driver.call(ON_CONTROL, "ExAllocatePool2", &[NON_PAGED.into(), 24.into(), TAG.into()]).keep(block);
    (driver, block)
}

#[test]
fn a_block_that_is_kept_is_a_leak() {
    let (mut driver, _) = with_block();
    driver.complete(0, 0);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::PoolLeak);
    assert_eq!(message, "24 bytes of pool that ExAllocatePool2 gave were not freed");
}

#[test]
fn a_block_is_freed_once() {
    let (mut driver, block) = with_block();
    driver.call(ON_CONTROL, "ExFreePool", &[Of(block)]);
    driver.call(ON_CONTROL, "ExFreePool", &[Of(block)]);
    assert_eq!(fault(&driver).0, FaultKind::DoubleFree);
}

#[test]
fn only_blocks_are_freed() {
    let mut driver = Driver::new();
    driver.call(ON_CONTROL, "ExFreePool", &[0x1234_5678.into()]);
    assert_eq!(fault(&driver).0, FaultKind::NotPool);
}

#[test]
fn a_block_is_freed_under_its_tag() {
    let (mut driver, block) = with_block();
    driver.call(ON_CONTROL, "ExFreePoolWithTag", &[Of(block), 0x6C65_7858.into()]);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::PoolTag);
    assert!(message.ends_with("with the tag Test under the tag Xxel"), "{message}");
}

#[test]
fn the_bytes_around_a_block_stay_as_they_are() {
    for offset in [-1, 24] {
        let (mut driver, block) = with_block();
        driver.code(ON_CONTROL).write_byte(Of(block), offset, 0);
        driver.call(ON_CONTROL, "ExFreePool", &[Of(block)]);
        let (kind, message) = fault(&driver);
        assert_eq!(kind, FaultKind::PoolOverrun);
        assert!(
            message.ends_with(&format!("wrote at offset {offset} of a pool block of 24 bytes")),
            "{message}"
        );
    }
}

#[test]
fn a_freed_block_stays_as_it_is() {
    let (mut driver, block) = with_block();
    driver.call(ON_CONTROL, "ExFreePool", &[Of(block)]);
    driver.code(ON_CONTROL).write_byte(Of(block), 3, 0);
    driver.complete(0, 0);
    assert_eq!(fault(&driver).0, FaultKind::PoolUseAfterFree);
}

#[test]
fn functions_have_a_highest_irql() {
    let (mut driver, token, _) = with_token();
    driver.call(ON_CONTROL, "ObfDereferenceObject", &[Of(token)]);
    driver.complete(0, 0);
    let request = IoControl { irql: 2, ..IoControl::new(CODE, &[]) };
    let (kind, message) = fault_of(life(&driver, &request, 0));
    assert_eq!(kind, FaultKind::Irql);
    assert_eq!(message, "ObReferenceObjectByHandle was called at IRQL 2, above 0");
}

#[test]
fn what_is_not_modelled_is_named() {
    let mut driver = Driver::new();
    driver.call(ON_CONTROL, "IoCreateDriver", &[]);
    let message = "IoCreateDriver of ntoskrnl.exe was called, which is not modelled".to_owned();
    assert_eq!(fault(&driver), (FaultKind::NotModelled, message));
    let mut driver = Driver::new();
    driver.framework(ON_CONTROL, "WdfTimerCreate", &[]);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::NotModelled);
    assert!(message.starts_with("WdfTimerCreate (slot "), "{message}");
}

#[test]
fn pointers_lead_to_memory() {
    let (mut driver, token, _) = with_token();
    driver.call(ON_CONTROL, "SeQueryInformationToken", &[Of(token), 10.into(), 8.into()]);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::BadPointer);
    assert_eq!(message, "SeQueryInformationToken cannot write the block's address at 0x8, next to null");
    let mut driver = Driver::new();
    driver.call(ON_CONTROL, "memcpy", &[0xFFFF_8000_0000_0000.into(), At(driver.table), 8.into()]);
    assert_eq!(fault(&driver).0, FaultKind::BadPointer);
}

#[test]
fn a_level_is_one_of_four() {
    let (mut driver, token, _) = with_token();
    let thread = driver.words(&[0]);
    driver.call(ON_CONTROL, "PsGetCurrentThread", &[]).keep(thread);
    let values = [Of(thread), Of(token), 0.into(), 0.into(), Number(0xFFFF_FFFF)];
    driver.call(ON_CONTROL, "PsImpersonateClient", &values);
    assert_eq!(fault(&driver).0, FaultKind::BadArgument);
}

#[test]
fn a_driver_does_not_stop_the_system() {
    let mut driver = Driver::new();
    driver.call(ON_CONTROL, "KeBugCheckEx", &[0xE2.into(), 1.into(), 2.into(), 3.into(), 4.into()]);
    let message = "KeBugCheckEx stops the system with 0xE2 (0x1, 0x2, 0x3, 0x4)".to_owned();
    assert_eq!(fault(&driver), (FaultKind::BugCheck, message));
}
