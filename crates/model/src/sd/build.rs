//! Writing self-relative descriptors.

use super::parse::bits;
use super::{AceKind, MandatoryLabel, SecurityDescriptor};
use psimp_nt::Sid;

impl SecurityDescriptor {
    /// The self-relative form. `None` when an ACL would be longer than its
    /// 16-bit size can express, or has an entry that the model cannot evaluate.
    pub fn to_self_relative(&self) -> Option<Vec<u8>> {
        if self.unevaluated.is_some() {
            return None;
        }
        let mut control = bits::SELF_RELATIVE | bits::DACL_PRESENT;
        let dacl = match &self.dacl {
            Some(acl) => {
                let entries = acl.0.iter().map(|ace| match ace.kind {
                    AceKind::Allow => (bits::ALLOWED, ace.mask, ace.sid),
                    AceKind::Deny => (bits::DENIED, ace.mask, ace.sid),
                });
                list(entries)?
            }
            // Present but NULL.
            None => Vec::new(),
        };
        let sacl = match self.label {
            Some(label) => {
                control |= bits::SACL_PRESENT;
                list([entry(label)].into_iter())?
            }
            None => Vec::new(),
        };
        let sid = |sid: Option<Sid>| sid.map(|sid| sid.as_bytes().to_vec()).unwrap_or_default();
        let mut fixed = vec![1, 0];
        fixed.extend(control.to_le_bytes());
        let mut parts = Vec::new();
        for part in [sid(self.owner), sid(self.group), sacl, dacl] {
            let offset = if part.is_empty() { 0 } else { u32::try_from(20 + parts.len()).ok()? };
            fixed.extend(offset.to_le_bytes());
            parts.extend(part);
        }
        fixed.extend(parts);
        Some(fixed)
    }
}

fn entry(label: MandatoryLabel) -> (u8, u32, Sid) {
    let bit = |set, bit| if set { bit } else { 0 };
    let mask = bit(label.no_write_up, bits::NO_WRITE_UP)
        | bit(label.no_read_up, bits::NO_READ_UP)
        | bit(label.no_execute_up, bits::NO_EXECUTE_UP);
    (bits::LABEL, mask, Sid::new(16, &[label.integrity]))
}

fn list(entries: impl Iterator<Item = (u8, u32, Sid)>) -> Option<Vec<u8>> {
    let mut count = 0_u16;
    let mut body = Vec::new();
    for (kind, mask, sid) in entries {
        let sid = sid.as_bytes();
        body.extend([kind, 0]);
        body.extend(u16::try_from(8 + sid.len()).ok()?.to_le_bytes());
        body.extend(mask.to_le_bytes());
        body.extend(sid);
        count = count.checked_add(1)?;
    }
    let mut acl = vec![2, 0];
    acl.extend(u16::try_from(8 + body.len()).ok()?.to_le_bytes());
    acl.extend(count.to_le_bytes());
    acl.extend([0, 0]);
    acl.extend(body);
    Some(acl)
}
