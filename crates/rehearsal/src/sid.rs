//! SIDs as calls take them.

use psimp_nt::{Sid, Status};

/// `STATUS_DATATYPE_MISALIGNMENT`.
const DATATYPE_MISALIGNMENT: Status = Status(0x8000_0002);

/// What the kernel does with the address of a SID that it is given: it probes it with the alignment of a `ULONG`.
///
/// # Errors
/// `DATATYPE_MISALIGNMENT` for a SID at another address.
pub(crate) fn probed(sid: &Sid) -> Result<Sid, Status> {
    if sid.padded().as_ptr().addr().is_multiple_of(4) { Ok(*sid) } else { Err(DATATYPE_MISALIGNMENT) }
}
