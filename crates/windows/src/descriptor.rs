//! Security descriptors in their binary form.
//!
//! They are not made from SDDL, some of whose words are newer than the kernels that run here.

use crate::Error;
use psimp_model::{Ace, Acl, MandatoryLabel, SecurityDescriptor};
use psimp_nt::{Sid, Status};
use zerocopy::IntoBytes;

/// `GENERIC_ALL` and every other right but `ACCESS_SYSTEM_SECURITY`: an access check maps the generic rights of the
/// request only, an object those of its descriptor too.
const EVERYTHING: u32 = 0x101F_FFFF;
/// The lowest integrity: every level passes it.
const ANY_INTEGRITY: MandatoryLabel =
    MandatoryLabel { integrity: 0, no_write_up: true, no_read_up: false, no_execute_up: false };

/// `SE_DACL_PROTECTED`, in the second byte of the control field.
const PROTECTED: u8 = 0x10;

/// A self-relative security descriptor.
#[derive(Debug)]
pub struct Descriptor(Vec<u32>);

impl Descriptor {
    /// A self-relative descriptor, aligned as the kernel probes it. Its owner and its group are one SID; access checks
    /// refuse a descriptor without either. With `granted`, it grants everything to these SIDs; without, it has a null
    /// DACL. With `label`, its object has the lowest integrity; a kernel without integrity levels asks for
    /// `SeSecurityPrivilege` then.
    ///
    /// # Errors
    /// `INVALID_SECURITY_DESCR` for more SIDs than a DACL can have.
    pub fn self_relative(owner: &Sid, granted: Option<&[Sid]>, label: bool) -> Result<Self, Error> {
        let dacl = granted.map(|sids| Acl(sids.iter().map(|&sid| Ace::allow(sid, EVERYTHING)).collect()));
        let label = label.then_some(ANY_INTEGRITY);
        let descriptor = SecurityDescriptor { label, ..SecurityDescriptor::new(*owner, dacl) };
        let bytes = descriptor.to_self_relative();
        let mut bytes = bytes.ok_or(Error::status("making a descriptor", Status::INVALID_SECURITY_DESCR))?;
        if let Some(control) = bytes.get_mut(3) {
            *control |= PROTECTED;
        }
        // SIDs, entries and lists are whole numbers of words.
        Ok(Self(bytes.as_chunks::<4>().0.iter().map(|word| u32::from_ne_bytes(*word)).collect()))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Where its DACL is, for as long as it lives; null without one.
    #[cfg(windows)]
    pub(crate) fn dacl(&self) -> *mut std::ffi::c_void {
        let offset = self.0.get(4).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
        match self.0.get(offset / 4..) {
            Some(list) if offset != 0 => list.as_ptr().cast_mut().cast(),
            _ => std::ptr::null_mut(),
        }
    }

    /// Where it is, for as long as it lives.
    #[cfg(windows)]
    pub(crate) const fn pointer(&self) -> *mut std::ffi::c_void {
        self.0.as_ptr().cast_mut().cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: Sid = Sid::new(5, &[18]);

    fn bytes(granted: Option<&[Sid]>, label: bool) -> Vec<u8> {
        Descriptor::self_relative(&SYSTEM, granted, label).expect("a few SIDs").bytes().to_vec()
    }

    #[test]
    fn a_descriptor_has_owner_group_label_and_entries() {
        #[rustfmt::skip]
        let expected = [
            1, 0, 0x14, 0x90, 20, 0, 0, 0, 32, 0, 0, 0, 44, 0, 0, 0, 72, 0, 0, 0,
            1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
            1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
            2, 0, 28, 0, 1, 0, 0, 0, 0x11, 0, 20, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0,
            2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0xFF, 0xFF, 0x1F, 0x10, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
        ];
        assert_eq!(bytes(Some(&[Sid::EVERYONE]), true), expected);
    }

    #[test]
    fn a_null_dacl_is_present_and_none() {
        #[rustfmt::skip]
        let expected = [
            1, 0, 0x04, 0x90, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
            1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
        ];
        assert_eq!(bytes(None, false), expected);
    }

    #[test]
    fn an_empty_dacl_grants_nothing() {
        let descriptor = bytes(Some(&[]), false);
        assert_eq!(descriptor.get(16..20), Some(&[44, 0, 0, 0][..]));
        assert_eq!(descriptor.get(44..), Some(&[2, 0, 8, 0, 0, 0, 0, 0][..]));
    }
}
