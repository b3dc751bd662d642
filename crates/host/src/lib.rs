//! Loads a KMDF driver image into an ordinary process on top of the model.
//!
//! The bytes of a `.sys` file are mapped, relocated, bound to functions of this process and run
//! unmodified: no emulation, no patches. Below the driver is [`psimp_model::System`] instead of
//! Windows. Imports of the driver are modelled, and each function enforces its contract; calling
//! a function that is not modelled is a [`Fault`] that names it.
//!
//! [`Image`] reads a file on any system. [`Host`] runs it, which needs x86-64
//! Linux; elsewhere [`Host::load`] returns an error.
//!
//! `examples/load_driver.rs` is a program that does all of that with a driver that is independent
//! of psimp; `docs/host.md` describes what a driver needs and what the host provides.
//!
//! A broken contract ends the driver: control returns to the function of [`Host`] that entered
//! it, and every later call is refused with the same fault, because the state of the driver is
//! unknown.

mod error;
mod fault;
mod image;
mod io;
mod observer;
mod trace;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod native;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use native::{File, Host, Modelled, modelled};

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod elsewhere;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub use elsewhere::{File, Host};

pub use error::{LoadError, StartError};
pub use fault::{Failure, Fault, FaultKind, Site};
pub use image::{Image, seal};
pub use io::{IoControl, Open, Options, Pending, Requestor};
pub use observer::{Call, Decision, Observer, Waiting};
pub use trace::{Event, EventLog, Listener};

impl Image {
    /// Maps, relocates and protects the image as a start does, and unmaps it again; none of it is
    /// run and no import is bound.
    ///
    /// # Errors
    /// When the system refuses, or cannot run images.
    pub fn map_only(&self) -> Result<(), LoadError> {
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        return native::map_only(self);
        #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
        Err(LoadError::Unsupported)
    }
}
