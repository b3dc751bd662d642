//! Self-relative security descriptors from bytes, hostile ones among them.

mod support;

use psimp_model::{
    AccessMode, AccessRequest, Ace, Acl, GenericMapping, InvalidDescriptor, Kernel, MandatoryLabel,
    SecurityDescriptor, SubjectContext, rights, sids,
};
use psimp_nt::{Sid, Status, integrity};
use support::{A, B, DENIED, Machine};

/// O:SY, no group, D:(A;;0x3;;;WD), by hand.
const BYTES: [u8; 60] = [
    1, 0, 0x04, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, // fixed part
    1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, // S-1-5-18
    2, 0, 28, 0, 1, 0, 0, 0, // DACL of one entry
    0, 0, 20, 0, 3, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, // allow 3 to S-1-1-0
];

fn edited(edits: &[(usize, u8)]) -> Result<SecurityDescriptor, InvalidDescriptor> {
    let mut bytes = BYTES;
    for (at, value) in edits {
        bytes[*at] = *value;
    }
    SecurityDescriptor::parse(&bytes)
}

#[test]
fn reads_the_binary_form() {
    let expected = SecurityDescriptor {
        owner: Some(sids::LOCAL_SYSTEM),
        group: None,
        dacl: Some(Acl(vec![Ace::allow(Sid::EVERYONE, 3)])),
        label: None,
        unevaluated: None,
    };
    assert_eq!(SecurityDescriptor::parse(&BYTES), Ok(expected));
    assert_eq!(
        SecurityDescriptor::parse_owned(&BYTES),
        Err(Status(0xC000_0079)),
        "access checks need a group"
    );
}

#[test]
fn reads_what_it_writes() {
    let label = MandatoryLabel { integrity: integrity::HIGH, no_read_up: true, ..MandatoryLabel::default() };
    for descriptor in [
        SecurityDescriptor::default(),
        SecurityDescriptor::new(A, None),
        SecurityDescriptor::new(A, Some(Acl::default())),
        SecurityDescriptor {
            label: Some(label),
            ..SecurityDescriptor::new(A, Some(Acl(vec![Ace::deny(B, 2), Ace::allow(A, u32::MAX)])))
        },
    ] {
        let bytes = descriptor.to_self_relative().expect("short");
        assert_eq!(SecurityDescriptor::parse(&bytes), Ok(descriptor));
    }
    let long = Acl(vec![Ace::allow(A, 1); 4000]);
    assert_eq!(SecurityDescriptor::new(A, Some(long)).to_self_relative(), None);
}

#[test]
fn a_dacl_that_is_not_present_or_null_is_none() {
    assert_eq!(edited(&[(2, 0)]).map(|sd| sd.dacl), Ok(None), "not present");
    assert_eq!(edited(&[(16, 0)]).map(|sd| sd.dacl), Ok(None), "NULL");
    assert_eq!(edited(&[(41, 0x08)]).map(|sd| sd.dacl), Ok(Some(Acl::default())), "inherit-only entry");
}

#[test]
fn refuses_what_is_malformed() {
    use InvalidDescriptor as Invalid;
    assert_eq!(SecurityDescriptor::parse(&[]), Err(Invalid::Truncated));
    assert_eq!(SecurityDescriptor::parse(&BYTES[..19]), Err(Invalid::Truncated));
    for (edits, error) in [
        (&[(0, 2)][..], Invalid::Revision),
        (&[(3, 0)], Invalid::NotSelfRelative),
        (&[(4, 22)], Invalid::Offset),
        (&[(4, 16)], Invalid::Offset),
        (&[(7, 0xFF)], Invalid::Offset),
        (&[(4, 64)], Invalid::Offset),
        (&[(4, 60)], Invalid::Sid),
        (&[(20, 2)], Invalid::Sid),
        (&[(21, 16)], Invalid::Sid),
        (&[(16, 60)], Invalid::Acl),
        (&[(32, 1)], Invalid::Acl),
        (&[(32, 5)], Invalid::Acl),
        (&[(34, 4)], Invalid::Acl),
        (&[(34, 30)], Invalid::Acl),
        (&[(35, 0xFF)], Invalid::Acl),
        (&[(36, 2)], Invalid::Ace),
        (&[(42, 0)], Invalid::Ace),
        (&[(42, 4)], Invalid::Ace),
        (&[(42, 18)], Invalid::Ace),
        (&[(42, 24)], Invalid::Ace),
        (&[(49, 2)], Invalid::Ace),
        (&[(40, 0x80), (42, 2)], Invalid::Ace),
        (&[(40, 0x80), (42, 19)], Invalid::Ace),
        (&[(40, 0x80), (42, 24)], Invalid::Ace),
    ] {
        assert_eq!(edited(edits), Err(error), "{edits:?}");
    }
}

/// What is no plain entry of allow or deny is passed over where kernels pass
/// over it, and told where they would apply it.
#[test]
fn entries_of_other_types_are_passed_over_or_told() {
    let with = |kind| edited(&[(40, kind)]).map(|sd| (sd.dacl, sd.unevaluated));
    let empty = Some(Acl::default());
    for kind in [0x02, 0x03, 0x07, 0x08, 0x0D, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x80, 0xFF] {
        assert_eq!(with(kind), Ok((empty.clone(), None)), "0x{kind:02X}");
    }
    for kind in [0x04, 0x05, 0x06, 0x09, 0x0A, 0x0B, 0x0C] {
        assert_eq!(with(kind), Ok((empty.clone(), Some(kind))), "0x{kind:02X}");
    }
    let small = edited(&[(40, 0x80), (42, 4), (49, 0xFF)]).map(|sd| (sd.dacl, sd.unevaluated));
    assert_eq!(small, Ok((empty.clone(), None)), "no SID, and no more than a header");
    let inherited = edited(&[(40, 5), (41, 0x08)]).map(|sd| sd.unevaluated);
    assert_eq!(inherited, Ok(None), "inherit-only");

    let told = SecurityDescriptor { unevaluated: Some(5), ..SecurityDescriptor::new(A, empty) };
    assert_eq!(told.to_self_relative(), None);
    let m = Machine::new(Kernel::Win10, "S+");
    let check = |mode| {
        let request =
            AccessRequest { mode, ..AccessRequest::user(rights::READ_CONTROL, GenericMapping::FILE) };
        SubjectContext::capture(&m.system, &m.thread).se_access_check(Some(&told), &request)
    };
    assert_eq!(check(AccessMode::User), Err(Status(0xC000_00BB)), "the owner, too");
    assert_eq!(check(AccessMode::Kernel), Ok(rights::READ_CONTROL));
    m.imp(&m.token("A2"), false, false, 1).expect("stored");
    assert_eq!(check(AccessMode::User), Err(Status(0xC000_00A5)), "the level comes first");
}

#[test]
fn every_shorter_and_every_altered_input_is_an_error_or_a_descriptor() {
    let label = Some(MandatoryLabel::default());
    let whole = SecurityDescriptor { label, ..SecurityDescriptor::new(A, Some(Acl::granting(&[A, B]))) };
    let bytes = whole.to_self_relative().expect("short");
    for length in 0..bytes.len() {
        assert!(SecurityDescriptor::parse(&bytes[..length]).is_err(), "{length} bytes");
    }
    for at in 0..bytes.len() {
        for value in 0..=u8::MAX {
            let mut altered = bytes.clone();
            altered[at] = value;
            // Whatever it says, it says it without a panic.
            let _ = SecurityDescriptor::parse(&altered);
        }
    }
}

#[test]
fn labels_bind_tokens_of_lower_integrity() {
    let check = |kernel, token: &str, label, desired| {
        let m = Machine::new(kernel, "S+");
        m.imp(&m.token(token), false, false, 2).expect("stored");
        let sd = SecurityDescriptor { label, ..SecurityDescriptor::new(B, Some(Acl::granting(&[A]))) };
        let request = AccessRequest::user(desired, GenericMapping::FILE);
        SubjectContext::capture(&m.system, &m.thread).se_access_check(Some(&sd), &request)
    };
    let (read, write) = (rights::FILE_READ_DATA, rights::FILE_WRITE_DATA);
    assert_eq!(check(Kernel::Win10, "AL2", None, read), Ok(read));
    assert_eq!(check(Kernel::Win10, "AL2", None, write), Err(DENIED), "Medium when absent");
    assert_eq!(check(Kernel::Win10, "A2", None, write), Ok(write));
    assert_eq!(check(Kernel::Nt52, "AL2", None, write), Ok(write), "labels came later");
    let high = MandatoryLabel { integrity: integrity::HIGH, ..MandatoryLabel::default() };
    assert_eq!(check(Kernel::Win10, "A2", Some(high), write), Err(DENIED));
    assert_eq!(check(Kernel::Win10, "AH2", Some(high), write), Ok(write));
    let closed = MandatoryLabel { no_read_up: true, no_execute_up: true, ..high };
    assert_eq!(check(Kernel::Win10, "A2", Some(closed), read), Err(DENIED));
    assert_eq!(check(Kernel::Win10, "A2", Some(high), rights::MAXIMUM_ALLOWED), Ok(0x0012_00A9));
}
