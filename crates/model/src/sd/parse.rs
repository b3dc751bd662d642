//! Parses self-relative descriptors from untrusted bytes.
//!
//! Layout, little-endian: revision (1 byte), a reserved byte, control (2), then
//! the offsets of owner, group, SACL and DACL (4 each), of which 0 means none.
//! An ACL has revision (1), a reserved byte, its size (2), its number of entries
//! (2) and two reserved bytes; an entry its type (1), flags (1), size (2), mask
//! (4) and SID.

use super::{Ace, Acl, MandatoryLabel, SecurityDescriptor};
use psimp_nt::{Sid, Status};

/// Bits of the control field and of entries, and their types.
pub(super) mod bits {
    pub(crate) const DACL_PRESENT: u16 = 0x0004;
    pub(crate) const SACL_PRESENT: u16 = 0x0010;
    pub(crate) const SELF_RELATIVE: u16 = 0x8000;
    pub(crate) const INHERIT_ONLY: u8 = 0x08;
    pub(crate) const ALLOWED: u8 = 0x00;
    pub(crate) const DENIED: u8 = 0x01;
    pub(crate) const ALARM: u8 = 0x03;
    pub(crate) const COMPOUND: u8 = 0x04;
    pub(crate) const DENIED_OBJECT: u8 = 0x06;
    pub(crate) const CALLBACK: u8 = 0x09;
    pub(crate) const DENIED_CALLBACK_OBJECT: u8 = 0x0C;
    pub(crate) const LABEL: u8 = 0x11;
    pub(crate) const NO_WRITE_UP: u32 = 1;
    pub(crate) const NO_READ_UP: u32 = 2;
    pub(crate) const NO_EXECUTE_UP: u32 = 4;
}

/// Length of the fixed part.
const HEADER: usize = 20;

/// The reason why bytes are not a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidDescriptor {
    /// They end before the fixed part does.
    Truncated,
    /// The revision is not 1.
    Revision,
    /// The control field lacks `SE_SELF_RELATIVE`.
    NotSelfRelative,
    /// An offset is not a multiple of 4, lies in the fixed part or outside.
    Offset,
    /// Owner or group is no SID.
    Sid,
    /// An ACL has a wrong revision, or does not fit.
    Acl,
    /// An entry has a wrong size, or no SID.
    Ace,
}

impl From<InvalidDescriptor> for Status {
    fn from(_: InvalidDescriptor) -> Self {
        Status::INVALID_SECURITY_DESCR
    }
}

impl SecurityDescriptor {
    /// Parses a self-relative `SECURITY_DESCRIPTOR`; bytes after its parts are
    /// ignored. Owner and group may be missing; most routines then refuse it.
    ///
    /// # Errors
    /// The first error found.
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
        let (owner, group) = (sid(owner)?, sid(group)?);
        let (dacl, unevaluated) = match acl(dacl, bits::DACL_PRESENT)? {
            Some(dacl) => discretionary(dacl).map(|(acl, unevaluated)| (Some(acl), unevaluated))?,
            None => (None, None),
        };
        let label = match acl(sacl, bits::SACL_PRESENT)? {
            Some(sacl) => label(sacl)?,
            None => None,
        };
        Ok(Self { owner, group, dacl, label, unevaluated })
    }
}

impl SecurityDescriptor {
    /// [`SecurityDescriptor::parse`] for access checks, which need an owner and
    /// a group.
    ///
    /// # Errors
    /// `INVALID_SECURITY_DESCR`.
    pub fn parse_owned(bytes: &[u8]) -> Result<Self, Status> {
        let descriptor = Self::parse(bytes)?;
        match descriptor.owner.and(descriptor.group) {
            Some(_) => Ok(descriptor),
            None => Err(Status::INVALID_SECURITY_DESCR),
        }
    }
}

/// The bytes from an offset on; `None` for offset 0.
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

/// An entry as stored.
struct Raw {
    kind: u8,
    inherit_only: bool,
    /// Mask and SID, for the types that contain nothing else.
    plain: Option<(u32, Sid)>,
}

/// The entries that apply, and the type of the first entry that the model cannot
/// evaluate.
fn discretionary(bytes: &[u8]) -> Result<(Acl, Option<u8>), InvalidDescriptor> {
    let mut acl = Acl::default();
    let mut unevaluated = None;
    entries(bytes, |raw| {
        match (raw.kind, raw.plain) {
            _ if raw.inherit_only => (),
            (bits::ALLOWED, Some((mask, sid))) => acl.0.push(Ace::allow(sid, mask)),
            (bits::DENIED, Some((mask, sid))) => acl.0.push(Ace::deny(sid, mask)),
            (bits::COMPOUND..=bits::DENIED_OBJECT | bits::CALLBACK..=bits::DENIED_CALLBACK_OBJECT, _) => {
                unevaluated = unevaluated.or(Some(raw.kind));
            }
            // Types that have no effect in a DACL or are unknown: kernels ignore
            // them.
            _ => (),
        }
        Ok(())
    })?;
    Ok((acl, unevaluated))
}

/// The first label of a SACL; audit entries are ignored.
fn label(bytes: &[u8]) -> Result<Option<MandatoryLabel>, InvalidDescriptor> {
    let mut found = None;
    entries(bytes, |raw| {
        let Some((mask, sid)) = raw.plain.filter(|_| raw.kind == bits::LABEL) else { return Ok(()) };
        if !raw.inherit_only && found.is_none() {
            found = Some(MandatoryLabel {
                integrity: integrity(&sid).ok_or(InvalidDescriptor::Ace)?,
                no_write_up: mask & bits::NO_WRITE_UP != 0,
                no_read_up: mask & bits::NO_READ_UP != 0,
                no_execute_up: mask & bits::NO_EXECUTE_UP != 0,
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

/// `RtlValidAcl`, with a check of each entry. Of unknown types only the header
/// is checked.
fn entries(
    bytes: &[u8],
    mut each: impl FnMut(Raw) -> Result<(), InvalidDescriptor>,
) -> Result<(), InvalidDescriptor> {
    use InvalidDescriptor::{Ace, Acl};
    const ACL_HEADER: usize = 8;
    const ACE_HEADER: usize = 4;
    let [2..=4, _, s0, s1, n0, n1, ..] = *bytes.first_chunk::<ACL_HEADER>().ok_or(Acl)? else {
        return Err(Acl);
    };
    let size = usize::from(u16::from_le_bytes([s0, s1]));
    if !size.is_multiple_of(4) {
        return Err(Acl);
    }
    let mut rest = bytes.get(ACL_HEADER..size).ok_or(Acl)?;
    for _ in 0..u16::from_le_bytes([n0, n1]) {
        // The header of the last entry, too, must be followed by data.
        let [kind, flags, s0, s1, _] = *rest.first_chunk::<{ ACE_HEADER + 1 }>().ok_or(Ace)?;
        let size = usize::from(u16::from_le_bytes([s0, s1]));
        let (entry, after) = rest.split_at_checked(size).ok_or(Ace)?;
        if size < ACE_HEADER || !size.is_multiple_of(2) {
            return Err(Ace);
        }
        let plain = match kind {
            bits::ALLOWED..=bits::ALARM | bits::LABEL => Some(plain(entry).ok_or(Ace)?),
            _ => None,
        };
        each(Raw { kind, inherit_only: flags & bits::INHERIT_ONLY != 0, plain })?;
        rest = after;
    }
    Ok(())
}

/// Mask and SID behind an entry's header.
fn plain(entry: &[u8]) -> Option<(u32, Sid)> {
    if !entry.len().is_multiple_of(4) {
        return None;
    }
    let (&[_, _, _, _, m0, m1, m2, m3], sid) = entry.split_first_chunk::<8>()?;
    Some((u32::from_le_bytes([m0, m1, m2, m3]), Sid::parse(sid).ok()?))
}
