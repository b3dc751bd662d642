//! Routines of ntdll.

use psimp_nt::Status;

/// The system has no such routine.
pub const NOT_IMPLEMENTED: Status = Status(0xC000_0002);

/// The version of Wine; the rehearsal is none, and nothing of it is probed.
pub fn wine_version() -> Option<String> {
    None
}
