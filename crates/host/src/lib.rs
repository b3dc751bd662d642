//! Loads a KMDF driver image into an ordinary process over the model.
//!
//! The bytes of a `.sys` file are mapped, relocated, bound to functions of this
//! process and run as they are: no emulation, nothing patched. Below the driver
//! lies [`psimp_model::System`] instead of Windows. What the driver imports is
//! modelled and each function enforces its contract; what it does not import is
//! not there, and calling it is a [`Fault`] that names it.
//!
//! [`Image`] reads a file on any system. [`Host`] runs it, which needs x86-64
//! Linux; elsewhere [`Host::load`] returns an error.
//!
//! `examples/load_driver.rs` is a program that does all of that with a driver which knows nothing
//! of psimp, and `docs/host.md` has what a driver needs and what it finds.
//!
//! A broken contract ends the driver: control goes back to the function of
//! [`Host`] that entered it, and every later call is refused with the same
//! fault, because the state of the driver is unknown.

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
pub use io::{IoControl, Open, Options, Requestor};
pub use observer::{Call, Decision, Observer, Waiting};
pub use trace::{Event, EventLog, Listener};

impl Image {
    /// Maps, relocates and protects the image as a start does, and unmaps it
    /// again; nothing of it is run and no import is bound.
    ///
    /// # Errors
    /// When the system refuses, or is none that images run on.
    pub fn map_only(&self) -> Result<(), LoadError> {
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        return native::map_only(self);
        #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
        Err(LoadError::Unsupported)
    }
}
