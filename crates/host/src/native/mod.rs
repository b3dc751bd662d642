//! The host on x86-64 Linux.
//!
//! From the bottom up: [`region`] and [`mapping`] put the image into memory,
//! [`enter`] and [`signals`] get into driver code and out of it again, [`export`]
//! is the way from driver code into the host, [`unwind`] tells how the driver got
//! there. [`ntos`] and [`kmdf`] are what the
//! driver can call. [`references`], [`pool`] and [`handles`] keep account of what
//! it holds: on the thread that took it as long as a dispatch runs, in [`held`]
//! afterwards.

mod context;
mod cpu;
mod describe;
mod dispatch;
mod enter;
mod export;
mod gates;
mod guarded;
mod handles;
mod held;
mod host;
mod kmdf;
mod machine;
mod mapping;
mod memory;
mod modelled;
mod ntos;
mod opaque;
mod pattern;
mod pool;
mod probe;
mod references;
mod region;
mod signals;
mod stack;
mod start;
mod status;
mod tracing;
mod unwind;
mod watchdog;
mod workers;

pub use host::{File, Host};
pub(crate) use mapping::map_only;
pub use modelled::{Modelled, modelled};

use crate::Fault;

/// A fault on its way back to the host function that entered the driver.
#[derive(Debug)]
struct Stop(Box<Fault>);

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self(Box::new(fault))
    }
}

/// What becomes of something that may break a contract.
type Outcome<T> = Result<T, Stop>;
