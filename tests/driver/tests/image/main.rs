//! psimp.sys, which `PSIMP_SYS` names, over the model: what the catalogue cannot express.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

// The macros of the crate `tracelogging` refer to that crate by name. Here the name stands for this
// crate, see `encoding`.
extern crate self as tracelogging;

mod connections;
mod decode;
mod encoding;
mod memory;
mod observer;
mod requests;
mod saves;
mod session;
mod tracing;

pub use encoding::{_internal, Channel, Guid, Level, Opcode, OutType, Provider};
