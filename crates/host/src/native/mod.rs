//! The host on x86-64 Linux.
//!
//! Each module imports from those before it only: [`engine`] enters foreign code and leaves it;
//! [`contracts`] are the resources that a driver holds; [`framework`] is the state of KMDF's objects;
//! [`running`] is one running driver; [`kmdf`] and [`ntos`] are the functions that it can call;
//! [`bind`] resolves its imports to them; [`start`], [`leaks`] and [`host`] load, check and operate
//! it, and [`modelled`] lists what it can call.

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

/// Maps an image without resolving its imports, and unmaps it.
pub(crate) fn map_only(image: &Image) -> Result<(), LoadError> {
    let guard = engine::mapping::GuardRoutines { check: 0, dispatch: 0, targets: &[] };
    engine::mapping::Mapping::new(image, |_, _| 0, &guard)?.discard()
}
