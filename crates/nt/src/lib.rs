//! NT's words: what kernel, driver, model and harness call by the same name and value.
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
