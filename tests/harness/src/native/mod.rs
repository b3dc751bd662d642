//! `--target native`: the cases that user mode alone can carry out, on the
//! Windows that runs here.
//!
//! The harness starts itself again as a server process for each primary token that
//! the cases name, hands it the tokens, and asks for one case after another.

pub mod express;
pub mod feature;

#[cfg(windows)]
mod fixtures;
#[cfg(windows)]
mod look;
#[cfg(windows)]
mod probe;
#[cfg(windows)]
mod run;
#[cfg(windows)]
mod server;
#[cfg(windows)]
mod stage;
#[cfg(windows)]
mod steps;

#[cfg(windows)]
pub use run::run;
#[cfg(windows)]
pub use server::serve;
