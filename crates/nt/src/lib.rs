//! NT definitions with the same name and value in kernel, driver, model and harness.
//!
//! Values are those of `ntstatus.h`, `winnt.h` and `ntifs.h`.
#![no_std]
#![forbid(unsafe_code)]

mod sid;
mod status;
mod token;

pub use sid::{InvalidSid, Sid};
pub use status::Status;
pub use token::{Level, Luid, TokenType, integrity};
