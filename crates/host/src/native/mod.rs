//! The host on x86-64 Linux.
//!
//! From the bottom up: [`engine`] maps the image, enters the driver and leaves it; [`contracts`] and
//! [`framework`] are what the driver holds; [`running`] is one driver as it runs; [`kmdf`] and [`ntos`]
//! are what it can call; [`host`] and [`start`] are what programs do with it.

mod contracts;
mod engine;
mod framework;
mod host;
mod kmdf;
mod modelled;
mod ntos;
mod running;
mod start;

pub(crate) use engine::mapping::map_only;
pub use host::{File, Host};
pub use modelled::{Modelled, modelled};
