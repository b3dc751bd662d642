//! The host on x86-64 Linux.
//!
//! Each module imports from those before it only: [`engine`] enters foreign code and leaves it;
//! [`contracts`] is what a driver holds, and the words for it; [`framework`] is the state of KMDF's
//! objects; [`running`] is one driver as it runs; [`kmdf`] and [`ntos`] are what it can call;
//! [`bind`] leads its imports there; [`start`], [`leaks`] and [`host`] are its life, and [`modelled`]
//! the list of what it can call.

mod bind;
mod contracts;
mod engine;
mod framework;
mod host;
mod kmdf;
mod leaks;
mod modelled;
mod ntos;
mod running;
mod start;

pub use host::{File, Host};
pub use modelled::{Modelled, modelled};

use crate::{Image, LoadError};

/// Maps an image whose imports lead nowhere, and unmaps it.
pub(crate) fn map_only(image: &Image) -> Result<(), LoadError> {
    engine::mapping::Mapping::new(image, |_, _| 0)?.discard()
}
