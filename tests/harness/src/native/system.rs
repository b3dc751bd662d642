//! The system that `run` and `server` call: this Windows, by [`psimp_windows`].

pub(super) use psimp_windows::*;
