//! Reading self-relative descriptors from bytes that nobody vouches for.
//!
//! Layout, little-endian: revision (1 byte), a reserved byte, control (2), then
//! the offsets of owner, group, SACL and DACL (4 each), of which 0 means none.
//! An ACL has revision (1), a reserved byte, its size (2), its number of entries
//! (2) and two reserved bytes; an entry its type (1), flags (1), size (2), mask
//! (4) and SID.

use super::{Ace, AceKind, Acl, MandatoryLabel, SecurityDescriptor};
use crate::status::NOT_SUPPORTED;
use psimp_protocol::Status;
use psimp_rules::Sid;

/// Bits of the control field and of entries, and their types.
pub(super) mod bits {
    pub(crate) const DACL_PRESENT: u16 = 0x0004;
    pub(crate) const SACL_PRESENT: u16 = 0x0010;
    pub(crate) const SELF_RELATIVE: u16 = 0x8000;
    pub(crate) const INHERIT_ONLY: u8 = 0x08;
    pub(crate) const ALLOWED: u8 = 0x00;
    pub(crate) const DENIED: u8 = 0x01;
    pub(crate) const AUDIT: u8 = 0x02;
    pub(crate) const ALARM: u8 = 0x03;
    pub(crate) const LABEL: u8 = 0x11;
    pub(crate) const NO_WRITE_UP: u32 = 1;
    pub(crate) const NO_READ_UP: u32 = 2;
    pub(crate) const NO_EXECUTE_UP: u32 = 4;
}

/// Length of the fixed part.
const HEADER: usize = 20;

/// Why bytes are no descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidDescriptor {
    /// They end before the fixed part does.
    Truncated,
    /// The revision is not 1.
    Revision,
    /// The control field does not say self-relative.
    NotSelfRelative,
    /// An offset is not a multiple of 4, lies in the fixed part or outside.
    Offset,
    /// Owner or group is no SID.
    Sid,
    /// An ACL has a wrong revision, or does not fit.
    Acl,
    /// An entry has a wrong size, or no SID.
    Ace,
    /// An entry is of a type that the model does not know, so that nobody
    /// thinks it was applied.
    UnknownAce(u8),
}

impl From<InvalidDescriptor> for Status {
    fn from(error: InvalidDescriptor) -> Self {
        match error {
            InvalidDescriptor::UnknownAce(_) => NOT_SUPPORTED,
            _ => Status::INVALID_SECURITY_DESCR,
        }
    }
}

impl SecurityDescriptor {
    /// Reads a self-relative `SECURITY_DESCRIPTOR`; what follows its parts does
    /// not matter. Owner and group may be missing; most routines then refuse it.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidDescriptor> {
        use InvalidDescriptor::{NotSelfRelative, Revision, Truncated};
        let header = bytes.first_chunk::<HEADER>().ok_or(Truncated)?;
        let [revision, _, c0, c1, offsets @ ..] = *header;
        let control = u16::from_le_bytes([c0, c1]);
        if revision != 1 {
            return Err(Revision);
        }
        if control & bits::SELF_RELATIVE == 0 {
            return Err(NotSelfRelative);
        }
        let (offsets, _) = offsets.as_chunks::<4>();
        let [owner, group, sacl, dacl] = *offsets else { return Err(Truncated) };
        let sid = |offset| part(bytes, offset)?.map(sid).transpose();
        let acl = |offset, present: u16| match control & present {
            0 => Ok(None),
            _ => part(bytes, offset),
        };
        Ok(Self {
            owner: sid(owner)?,
            group: sid(group)?,
            dacl: acl(dacl, bits::DACL_PRESENT)?.map(discretionary).transpose()?,
            label: match acl(sacl, bits::SACL_PRESENT)? {
                Some(sacl) => label(sacl)?,
                None => None,
            },
        })
    }
}

impl SecurityDescriptor {
    /// [`SecurityDescriptor::parse`] for access checks, which need an owner and
    /// a group.
    ///
    /// # Errors
    /// `INVALID_SECURITY_DESCR`, or `NOT_SUPPORTED` for an entry that the model
    /// does not know.
    pub fn parse_owned(bytes: &[u8]) -> Result<Self, Status> {
        let descriptor = Self::parse(bytes)?;
        match descriptor.owner.and(descriptor.group) {
            Some(_) => Ok(descriptor),
            None => Err(Status::INVALID_SECURITY_DESCR),
        }
    }
}

/// The bytes from an offset on, unless it is 0.
fn part(bytes: &[u8], offset: [u8; 4]) -> Result<Option<&[u8]>, InvalidDescriptor> {
    let offset = usize::try_from(u32::from_le_bytes(offset)).map_err(|_| InvalidDescriptor::Offset)?;
    match offset {
        0 => Ok(None),
        _ if offset < HEADER || !offset.is_multiple_of(4) => Err(InvalidDescriptor::Offset),
        _ => bytes.get(offset..).map(Some).ok_or(InvalidDescriptor::Offset),
    }
}

fn sid(bytes: &[u8]) -> Result<Sid, InvalidDescriptor> {
    Sid::parse(bytes).map_err(|_| InvalidDescriptor::Sid)
}

/// An entry as it stands there.
struct Raw {
    kind: u8,
    inherit_only: bool,
    mask: u32,
    sid: Sid,
}

fn discretionary(bytes: &[u8]) -> Result<Acl, InvalidDescriptor> {
    let mut acl = Acl::default();
    entries(
        bytes,
        |kind| matches!(kind, bits::ALLOWED | bits::DENIED),
        |raw| {
            let kind = if raw.kind == bits::ALLOWED { AceKind::Allow } else { AceKind::Deny };
            if !raw.inherit_only {
                acl.0.push(Ace { kind, mask: raw.mask, sid: raw.sid });
            }
            Ok(())
        },
    )?;
    Ok(acl)
}

/// The first label of a SACL; what is audited makes no difference here.
fn label(bytes: &[u8]) -> Result<Option<MandatoryLabel>, InvalidDescriptor> {
    let mut found = None;
    let known = |kind| matches!(kind, bits::AUDIT | bits::ALARM | bits::LABEL);
    entries(bytes, known, |raw| {
        if raw.kind == bits::LABEL && !raw.inherit_only && found.is_none() {
            found = Some(MandatoryLabel {
                integrity: integrity(&raw.sid).ok_or(InvalidDescriptor::Ace)?,
                no_write_up: raw.mask & bits::NO_WRITE_UP != 0,
                no_read_up: raw.mask & bits::NO_READ_UP != 0,
                no_execute_up: raw.mask & bits::NO_EXECUTE_UP != 0,
            });
        }
        Ok(())
    })?;
    Ok(found)
}

/// The RID of S-1-16-x.
fn integrity(sid: &Sid) -> Option<u32> {
    let [1, 1, 0, 0, 0, 0, 0, 16, r0, r1, r2, r3] = *sid.as_bytes() else { return None };
    Some(u32::from_le_bytes([r0, r1, r2, r3]))
}

fn entries(
    bytes: &[u8],
    known: impl Fn(u8) -> bool,
    mut each: impl FnMut(Raw) -> Result<(), InvalidDescriptor>,
) -> Result<(), InvalidDescriptor> {
    use InvalidDescriptor::{Ace, Acl, UnknownAce};
    const ACL_HEADER: usize = 8;
    const ACE_HEADER: usize = 8;
    let [revision @ 2..=4, _, s0, s1, n0, n1, ..] = *bytes.first_chunk::<ACL_HEADER>().ok_or(Acl)? else {
        return Err(Acl);
    };
    let _ = revision;
    let size = usize::from(u16::from_le_bytes([s0, s1]));
    if !size.is_multiple_of(4) {
        return Err(Acl);
    }
    let mut rest = bytes.get(ACL_HEADER..size).ok_or(Acl)?;
    for _ in 0..u16::from_le_bytes([n0, n1]) {
        let [kind, flags, s0, s1] = *rest.first_chunk::<4>().ok_or(Ace)?;
        let size = usize::from(u16::from_le_bytes([s0, s1]));
        if !size.is_multiple_of(4) {
            return Err(Ace);
        }
        let (entry, after) = rest.split_at_checked(size).ok_or(Ace)?;
        if !known(kind) {
            return Err(UnknownAce(kind));
        }
        let (header, sid) = entry.split_first_chunk::<ACE_HEADER>().ok_or(Ace)?;
        let [.., m0, m1, m2, m3] = *header;
        each(Raw {
            kind,
            inherit_only: flags & bits::INHERIT_ONLY != 0,
            mask: u32::from_le_bytes([m0, m1, m2, m3]),
            sid: Sid::parse(sid).map_err(|_| Ace)?,
        })?;
        rest = after;
    }
    Ok(())
}
