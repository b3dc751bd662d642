//! `--target native` and `--target device`: the cases on this Windows, through
//! user-mode calls alone or through the driver that is loaded; elsewhere their rehearsal.
//!
//! The harness starts itself again as a server process with the primary token that
//! a case names, gives it handles of the case's tokens, and requests the result.

pub mod feature;
pub mod fixture;
pub mod identity;
pub mod plan;
pub mod route;

pub use setting::Setting;

mod setting;

#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
mod client;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
mod run;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
mod server;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
mod system;

#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub use client::serve as serve_as_client;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) use run::clear;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub use run::{bench, run, soak, survey, wait};
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub use server::serve;
