//! `--target native` and `--target device`: the cases on this Windows, through
//! user-mode calls alone or through the driver that is loaded.
//!
//! The harness starts itself again as a server process with the primary token that
//! a case names, gives it handles of the case's tokens, and requests the result.

pub mod feature;
pub mod fixture;
pub mod identity;
pub mod plan;
pub mod route;

#[cfg(windows)]
mod client;
#[cfg(windows)]
mod run;
#[cfg(windows)]
mod server;
#[cfg(windows)]
mod system;

#[cfg(windows)]
pub use client::serve as serve_as_client;
#[cfg(windows)]
pub(crate) use run::clear;
#[cfg(windows)]
pub use run::{bench, run, soak, survey, wait};
#[cfg(windows)]
pub use server::serve;
