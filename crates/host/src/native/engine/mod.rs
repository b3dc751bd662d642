//! Runs foreign code in this process and gets out of it again: memory, processor state, signals.
//! It knows the image and nothing of what its calls mean.

pub(crate) mod cpu;
pub(crate) mod enter;
pub(crate) mod export;
pub(crate) mod guarded;
pub(crate) mod mapping;
pub(crate) mod pattern;
pub(crate) mod probe;
pub(crate) mod region;
pub(crate) mod signals;
pub(crate) mod stack;
pub(crate) mod stop;
pub(crate) mod unwind;
pub(crate) mod watchdog;
pub(crate) mod workers;
