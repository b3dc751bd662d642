//! `--target native` and `--target device`: the cases on the Windows that runs
//! here, by what user mode alone can do or through the driver that is loaded.
//!
//! The harness starts itself again as a server process for each primary token that
//! the cases name, hands it the tokens, and asks for one case after another.

pub mod feature;
pub mod plan;
pub mod route;

#[cfg(windows)]
mod run;
#[cfg(windows)]
mod server;

#[cfg(windows)]
pub use run::{run, wait};
#[cfg(windows)]
pub use server::serve;
