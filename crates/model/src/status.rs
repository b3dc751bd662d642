//! Statuses that only the model uses.

use psimp_nt::Status;

/// `STATUS_NOT_ALL_ASSIGNED`, a success.
pub(crate) const NOT_ALL_ASSIGNED: Status = Status(0x0000_0106);
/// `STATUS_NOT_SUPPORTED`: for what the model does not implement.
pub(crate) const NOT_SUPPORTED: Status = Status(0xC000_00BB);
/// `STATUS_GENERIC_NOT_MAPPED`.
pub(crate) const GENERIC_NOT_MAPPED: Status = Status(0xC000_00E6);
