//! `--target native` and `--target device`: the cases on the Windows that runs
//! here, by what user mode alone can do or through the driver that is loaded.
//!
//! The harness starts itself again as a server process for each primary token that
//! the cases name, hands it the tokens, and asks for one case after another.

pub mod express;
pub mod feature;

#[cfg(windows)]
mod fixtures;
#[cfg(windows)]
mod judge;
#[cfg(windows)]
mod look;
#[cfg(windows)]
mod other_user;
#[cfg(windows)]
mod pipe;
#[cfg(windows)]
mod probe;
#[cfg(windows)]
mod program;
#[cfg(windows)]
pub(crate) mod removal;
#[cfg(windows)]
mod run;
#[cfg(windows)]
mod server;
#[cfg(windows)]
mod stage;
#[cfg(windows)]
mod steps;
#[cfg(windows)]
mod through;

#[cfg(windows)]
pub use run::{run, wait};
#[cfg(windows)]
pub use server::serve;
