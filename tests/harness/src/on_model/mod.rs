//! The service on the model, without a driver image: the kernel below it, the tokens it
//! refers to, and the open files of a device.

mod connections;
mod kernel;
mod token;

pub use connections::{ClientFile, Clients, ServerFile};
pub use kernel::{ModelKernel, access_check};
pub use token::{ModelClient, ModelToken};
