//! Each contract of subject contexts, access checks and descriptors, kept and
//! broken by a driver built for it.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::{FaultKind, IoControl};
use psimp_model::{Ace, Acl, SecurityDescriptor, sids};
use psimp_nt::Status;
use support::USER;
use support::code::Place;
use support::code::Value::{self, Argument, At, Of};
use support::driver::{Driver, ON_CONTROL};
use support::run::{CODE, End, TOKEN_HANDLE, answer, fault, fault_of, life};

const READ_WRITE: u64 = 3;
const CONTEXT: &str = "a SECURITY_SUBJECT_CONTEXT";

/// A driver that captures the caller's context; and the context's place.
fn captured() -> (Driver, Place) {
    let mut driver = Driver::new();
    let context = driver.words(&[0; 4]);
    driver.call(ON_CONTROL, "SeCaptureSubjectContext", &[At(context)]);
    (driver, context)
}

/// As [`captured`], after the thread started to impersonate its client at a
/// level.
fn captured_at(level: u64) -> (Driver, Place) {
    let mut driver = Driver::new();
    let kind = driver.variable(ON_CONTROL, "SeTokenObjectType");
    let [token, thread] = [driver.words(&[0]), driver.words(&[0])];
    let values = [TOKEN_HANDLE.into(), 4.into(), Of(kind), 1.into(), At(token), 0.into()];
    driver.call(ON_CONTROL, "ObReferenceObjectByHandle", &values);
    driver.call(ON_CONTROL, "PsGetCurrentThread", &[]).keep(thread);
    let values = [Of(thread), Of(token), 0.into(), 0.into(), level.into()];
    driver.call(ON_CONTROL, "PsImpersonateClient", &values);
    driver.call(ON_CONTROL, "ObfDereferenceObject", &[Of(token)]);
    let context = driver.words(&[0; 4]);
    driver.call(ON_CONTROL, "SeCaptureSubjectContext", &[At(context)]);
    (driver, context)
}

fn release(driver: &mut Driver, context: Place) {
    driver.call(ON_CONTROL, "SeReleaseSubjectContext", &[At(context)]);
}

/// Owned by the system, with rights for one user.
fn descriptor(granted: psimp_nt::Sid) -> Vec<u8> {
    let dacl = Acl(vec![Ace::allow(granted, 3)]);
    SecurityDescriptor::new(sids::LOCAL_SYSTEM, Some(dacl)).to_self_relative().expect("a short one")
}

/// Valid arguments of a check.
struct Check {
    descriptor: Value,
    context: Place,
    locked: u64,
    privileges: u64,
    mode: u64,
    desired: u64,
}

impl Check {
    fn of(driver: &mut Driver, context: Place, descriptor: &[u8]) -> Self {
        let descriptor = At(driver.bytes(descriptor));
        Self { descriptor, context, locked: 0, privileges: 0, mode: 1, desired: READ_WRITE }
    }

    /// Calls `SeAccessCheck`; returns the places of access and status.
    fn call(&self, driver: &mut Driver) -> [Place; 2] {
        let mapping = driver.words(&[0x0012_0116_0012_0089, 0x001F_01FF_0012_00A0]);
        let [granted, status] = [driver.words(&[0]), driver.words(&[0])];
        let Self { descriptor, context, locked, privileges, mode, desired } = *self;
        let values = [
            descriptor,
            At(context),
            locked.into(),
            desired.into(),
            0.into(),
            privileges.into(),
            At(mapping),
            mode.into(),
            At(granted),
            At(status),
        ];
        driver.call(ON_CONTROL, "SeAccessCheck", &values);
        [granted, status]
    }
}

/// Completes the request with these eight bytes each.
fn reply(driver: &mut Driver, values: &[Value]) {
    let buffer = driver.words(&[0]);
    let length = 8 * values.len() as u64;
    let asked = [Of(driver.globals), Argument(1), length.into(), At(buffer), 0.into()];
    driver.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &asked);
    for (index, &value) in values.iter().enumerate() {
        let offset = i32::try_from(8 * index).expect("a few");
        driver.code(ON_CONTROL).write(Of(buffer), offset, value);
    }
    driver.complete(0, length);
}

/// Access and status of one check.
fn checked(mut driver: Driver, context: Place, descriptor: &[u8], mode: u64) -> (u64, Status) {
    let check = Check { mode, ..Check::of(&mut driver, context, descriptor) };
    let [granted, status] = check.call(&mut driver);
    release(&mut driver, context);
    reply(&mut driver, &[Of(granted), Of(status)]);
    let output = answer(&driver, &[], 16);
    let word = |at: usize| u64::from_le_bytes(output[at..at + 8].try_into().expect("eight bytes"));
    (word(0), Status(u32::try_from(word(8)).expect("a status")))
}

#[test]
fn the_callers_context_is_checked() {
    let nobody = psimp_nt::Sid::new(5, &[21, 9, 9, 9, 1001]);
    let granted = (READ_WRITE, Status::SUCCESS);
    for (driver, context) in [captured(), captured_at(2)] {
        assert_eq!(checked(driver, context, &descriptor(USER), 1), granted);
    }
    for (driver, context) in [captured(), captured_at(2)] {
        assert_eq!(checked(driver, context, &descriptor(nobody), 1), (0, Status::ACCESS_DENIED));
    }
    let (driver, context) = captured_at(1);
    let weak = checked(driver, context, &descriptor(USER), 1);
    assert_eq!(weak, (0, Status::BAD_IMPERSONATION_LEVEL));
    // Kernel-mode access is not checked.
    let (driver, context) = captured_at(1);
    assert_eq!(checked(driver, context, &[], 0), granted);
}

/// What the model cannot evaluate is no fault of the driver, whose caller chose
/// the descriptor.
#[test]
fn an_entry_of_another_type_is_valid_and_passed_over_or_refused_by_name() {
    for (kind, expected) in [
        (0x04, (0, Status(0xC000_00BB))),
        (0x05, (0, Status(0xC000_00BB))),
        (0x0C, (0, Status(0xC000_00BB))),
        (0x0D, (0, Status::ACCESS_DENIED)),
        (0x80, (0, Status::ACCESS_DENIED)),
    ] {
        let mut bytes = descriptor(USER);
        let dacl = usize::from(bytes[16]);
        bytes[dacl + 8] = kind;
        assert!(valid(&bytes, bytes.len(), 3), "0x{kind:02X}");
        let (driver, context) = captured();
        assert_eq!(checked(driver, context, &bytes, 1), expected, "0x{kind:02X}");
    }
}

#[test]
fn a_context_that_is_not_released_is_a_leak() {
    for ((mut driver, _), leaks) in [(captured(), 1), (captured_at(2), 2)] {
        driver.complete(0, 0);
        let End::Leaks(found) = life(&driver, &IoControl::new(CODE, &[]), 0) else { panic!("no leak") };
        assert_eq!(found.len(), leaks, "{found:?}");
        for leak in found {
            assert_eq!(leak.kind, FaultKind::ReferenceLeak);
            let text = leak.message.as_str();
            assert!(text.starts_with("the reference that SeCaptureSubjectContext gave on token "), "{text}");
            assert!(text.ends_with("was not given back to SeReleaseSubjectContext"), "{text}");
            assert!(leak.site.is_some());
        }
    }
}

#[test]
fn a_context_is_released_once() {
    let (mut driver, context) = captured();
    release(&mut driver, context);
    release(&mut driver, context);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::OverDereference);
    assert!(message.starts_with("SeReleaseSubjectContext was given a SECURITY_SUBJECT_CONTEXT"), "{message}");
    assert!(message.ends_with("or that is released"), "{message}");
}

#[test]
fn a_context_may_be_moved_and_its_tokens_read() {
    let (mut driver, context) = captured_at(2);
    let other = driver.words(&[0; 4]);
    driver.call(ON_CONTROL, "memcpy", &[At(other), At(context), 32.into()]);
    driver.call(ON_CONTROL, "memset", &[At(context), 0xDD.into(), 32.into()]);
    let primary = Place(other.0 + 16);
    for token in [other, primary] {
        driver.call(ON_CONTROL, "SeTokenIsRestricted", &[Of(token)]);
    }
    release(&mut driver, other);
    driver.complete(0, 0);
    assert_eq!(life(&driver, &IoControl::new(CODE, &[]), 0), End::Well(0));
}

#[test]
fn tokens_of_a_context_are_given_back_with_it() {
    let (mut driver, context) = captured();
    driver.call(ON_CONTROL, "PsDereferencePrimaryToken", &[Of(Place(context.0 + 16))]);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::DereferenceRoutine);
    assert!(message.ends_with("that SeReleaseSubjectContext takes"), "{message}");
}

#[test]
fn a_check_takes_a_context_as_it_was_captured() {
    let (mut driver, _) = captured();
    let empty = driver.words(&[0; 4]);
    Check::of(&mut driver, empty, &descriptor(USER)).call(&mut driver);
    let (kind, message) = fault(&driver);
    assert_eq!(kind, FaultKind::Unreferenced);
    assert!(message.contains(CONTEXT), "{message}");

    // The level that was captured is 1.
    let (mut driver, context) = captured_at(1);
    driver.code(ON_CONTROL).write_byte(At(context), 8, 2);
    Check::of(&mut driver, context, &descriptor(USER)).call(&mut driver);
    assert_eq!(fault(&driver).0, FaultKind::Unreferenced);

    let (mut driver, context) = captured();
    release(&mut driver, context);
    Check::of(&mut driver, context, &descriptor(USER)).call(&mut driver);
    assert_eq!(fault(&driver).0, FaultKind::Unreferenced);
}

#[test]
fn arguments_of_a_check_are_what_they_must_be() {
    let broken = |edit: fn(&mut Check), bytes: &[u8]| {
        let (mut driver, context) = captured();
        let mut check = Check::of(&mut driver, context, bytes);
        edit(&mut check);
        check.call(&mut driver);
        fault(&driver)
    };
    let good = descriptor(USER);
    let mut absolute = good.clone();
    absolute[3] &= !0x80;
    // The owner has sixteen parts, one more than there can be.
    let mut odd = good.clone();
    odd[21] = 16;
    for (edit, bytes, kind, text) in [
        (|check| check.locked = 1, &good, FaultKind::BadArgument, "subject context that is not locked"),
        (|check| check.privileges = 8, &good, FaultKind::NotModelled, "which is not modelled"),
        (
            |check| check.desired = 0x8000_0000,
            &good,
            FaultKind::BadArgument,
            "access 0x80000000, whose generic rights RtlMapGenericMask has not mapped",
        ),
        (|check| check.mode = 2, &good, FaultKind::BadArgument, "the processor mode 2"),
        (|check| check.descriptor = 8.into(), &good, FaultKind::BadPointer, "at 0x8, next to null"),
        (|_| (), &absolute, FaultKind::NotModelled, "an absolute security descriptor, which is not modelled"),
        (|_| (), &odd, FaultKind::BadArgument, "bytes that are no security descriptor: Sid"),
    ] as [(fn(&mut Check), _, _, _); 7]
    {
        let (found, message) = broken(edit, bytes);
        assert_eq!(found, kind, "{message}");
        assert!(message.starts_with("SeAccessCheck ") && message.ends_with(text), "{message}");
    }
}

#[test]
fn contexts_are_captured_at_passive_level() {
    let (mut driver, context) = captured();
    release(&mut driver, context);
    driver.complete(0, 0);
    let request = IoControl { irql: 1, ..IoControl::new(CODE, &[]) };
    assert_eq!(fault_of(life(&driver, &request, 0)).0, FaultKind::Irql);
}

/// The result of `RtlValidRelativeSecurityDescriptor` for the input, with this
/// length.
fn valid(bytes: &[u8], length: usize, required: u64) -> bool {
    let mut driver = Driver::new();
    let [buffer, result] = [driver.words(&[0]), driver.words(&[0])];
    let values = [Of(driver.globals), Argument(1), 0.into(), At(buffer), 0.into()];
    driver.framework(ON_CONTROL, "WdfRequestRetrieveInputBuffer", &values);
    let values = [Of(buffer), (length as u64).into(), required.into()];
    driver.call(ON_CONTROL, "RtlValidRelativeSecurityDescriptor", &values).keep(result);
    reply(&mut driver, &[Of(result)]);
    match answer(&driver, bytes, 8)[0] {
        0 => false,
        1 => true,
        other => panic!("{other} is no BOOLEAN"),
    }
}

#[test]
fn a_descriptor_is_valid_within_its_length() {
    let good = descriptor(USER);
    assert!(valid(&good, good.len(), 3));
    for length in [0, 1, 19, 20, good.len() - 1] {
        assert!(!valid(&good, length, 0), "{length} of {} bytes", good.len());
    }
    let ownerless = SecurityDescriptor { owner: None, ..SecurityDescriptor::parse(&good).expect("good") };
    let ownerless = ownerless.to_self_relative().expect("a short one");
    for (required, expected) in [(0, true), (2, true), (1, false), (3, false)] {
        assert_eq!(valid(&ownerless, ownerless.len(), required), expected, "{required}");
    }
}

#[test]
fn a_descriptor_that_is_too_short_is_not_read() {
    let mut driver = Driver::new();
    driver.call(ON_CONTROL, "RtlValidRelativeSecurityDescriptor", &[8.into(), 19.into(), 3.into()]);
    driver.complete(0, 0);
    assert_eq!(life(&driver, &IoControl::new(CODE, &[]), 0), End::Well(0));
    for (length, required, kind) in [
        (20, 3, FaultKind::BadPointer),
        (20, 4, FaultKind::NotModelled),
        (2 << 20, 3, FaultKind::NotModelled),
    ] {
        let mut driver = Driver::new();
        let values = [8.into(), Value::Number(length), Value::Number(required)];
        driver.call(ON_CONTROL, "RtlValidRelativeSecurityDescriptor", &values);
        assert_eq!(fault(&driver).0, kind);
    }
}
