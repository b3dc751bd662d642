//! Security descriptors in their binary form.
//!
//! They are not made from SDDL, some of whose words are newer than the kernels that run here.

use psimp_nt::Sid;

/// `GENERIC_ALL` and every other right but `ACCESS_SYSTEM_SECURITY`: an access check maps the generic rights of the
/// request only, an object those of its descriptor too.
const EVERYTHING: u32 = 0x101F_FFFF;
/// `SYSTEM_MANDATORY_LABEL_NO_WRITE_UP`.
const NO_WRITE_UP: u32 = 1;
/// The lowest integrity, S-1-16-0: every level passes it.
const ANY_INTEGRITY: Sid = Sid::new(16, &[0]);

const ALLOWED: u8 = 0;
const MANDATORY_LABEL: u8 = 0x11;

const DACL_PRESENT: u16 = 0x4;
const SACL_PRESENT: u16 = 0x10;
const DACL_PROTECTED: u16 = 0x1000;
const SELF_RELATIVE: u16 = 0x8000;
const HEADER: usize = 20;

/// A self-relative security descriptor.
#[derive(Debug)]
pub struct Descriptor(Vec<u32>);

impl Descriptor {
    /// A self-relative descriptor, aligned as the kernel probes it. Its owner and its group are one SID; access checks
    /// refuse a descriptor without either. Without a list of whom it grants everything to, it has a null DACL. With `label`,
    /// its object has the lowest integrity; a kernel without integrity levels asks for `SeSecurityPrivilege` then.
    pub(crate) fn self_relative(owner: &Sid, granted: Option<&[Sid]>, label: bool) -> Self {
        let mut control = SELF_RELATIVE | DACL_PRESENT | DACL_PROTECTED;
        let owner = owner.as_bytes();
        let sacl = label.then(|| acl(&[ace(MANDATORY_LABEL, NO_WRITE_UP, &ANY_INTEGRITY)]));
        let dacl = granted
            .map(|sids| acl(&sids.iter().map(|sid| ace(ALLOWED, EVERYTHING, sid)).collect::<Vec<_>>()));
        if sacl.is_some() {
            control |= SACL_PRESENT;
        }
        let mut parts = Vec::new();
        let mut place = |part: Option<&[u8]>| {
            let Some(part) = part else { return 0 };
            let at = HEADER + parts.len();
            parts.extend_from_slice(part);
            at
        };
        let places = [place(Some(owner)), place(Some(owner)), place(sacl.as_deref()), place(dacl.as_deref())];

        let mut bytes = vec![1, 0];
        bytes.extend(control.to_le_bytes());
        for at in places {
            bytes.extend(u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes());
        }
        bytes.append(&mut parts);
        // SIDs, entries and lists are whole numbers of words.
        Self(bytes.as_chunks::<4>().0.iter().map(|word| u32::from_ne_bytes(*word)).collect())
    }

    /// Where it is, for as long as it lives.
    #[cfg(windows)]
    pub(crate) const fn pointer(&self) -> *mut std::ffi::c_void {
        self.0.as_ptr().cast_mut().cast()
    }
}

fn ace(kind: u8, mask: u32, sid: &Sid) -> Vec<u8> {
    let sid = sid.as_bytes();
    let mut bytes = vec![kind, 0];
    bytes.extend(length(8 + sid.len()));
    bytes.extend(mask.to_le_bytes());
    bytes.extend(sid);
    bytes
}

fn acl(entries: &[Vec<u8>]) -> Vec<u8> {
    const REVISION: u8 = 2;
    let mut bytes = vec![REVISION, 0];
    bytes.extend(length(8 + entries.iter().map(Vec::len).sum::<usize>()));
    bytes.extend(length(entries.len()));
    bytes.extend([0, 0]);
    bytes.extend(entries.concat());
    bytes
}

/// A length or count; those of the few SIDs of a case are far below the limit.
fn length(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: Sid = Sid::new(5, &[18]);

    fn bytes(descriptor: &Descriptor) -> Vec<u8> {
        descriptor.0.iter().flat_map(|word| word.to_ne_bytes()).collect()
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
        assert_eq!(bytes(&Descriptor::self_relative(&SYSTEM, Some(&[Sid::EVERYONE]), true)), expected);
    }

    #[test]
    fn a_null_dacl_is_present_and_none() {
        #[rustfmt::skip]
        let expected = [
            1, 0, 0x04, 0x90, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
            1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
        ];
        assert_eq!(bytes(&Descriptor::self_relative(&SYSTEM, None, false)), expected);
    }

    #[test]
    fn an_empty_dacl_grants_nothing() {
        let descriptor = bytes(&Descriptor::self_relative(&SYSTEM, Some(&[]), false));
        assert_eq!(descriptor.get(16..20), Some(&[44, 0, 0, 0][..]));
        assert_eq!(descriptor.get(44..), Some(&[2, 0, 8, 0, 0, 0, 0, 0][..]));
    }
}
