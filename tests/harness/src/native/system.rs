//! The system that `run` and `server` call: this Windows, or the rehearsal of one.

#[cfg(not(windows))]
pub(super) use psimp_rehearsal::*;
#[cfg(windows)]
pub(super) use psimp_windows::*;
