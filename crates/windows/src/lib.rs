//! What the harness asks of a running Windows: tokens, threads, objects with
//! descriptors, processes, accounts.
//!
//! Everything here calls Windows and is empty elsewhere. The calls are the native
//! ones where there are any, because the cases speak of `NTSTATUS` values and
//! Win32 errors do not go back to them. This is the one place of the harness with
//! unsafe code: what it hands out are owned handles and values.
//!
//! Handles, thread ids and the current thread's token mean what they mean in
//! Windows: a call that is made "as the thread now is" depends on what the thread
//! impersonates.
#![cfg(windows)]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the layouts that are read here are those of 64-bit Windows");

pub mod account;
pub mod console;
pub mod device;
pub mod error;
pub mod information;
pub mod logon;
pub mod machine;
pub mod ntdll;
pub mod object;
pub mod pipe;
pub mod process;
pub mod random;
pub mod service;
pub mod sid;
pub mod snapshot;
pub mod thread;
pub mod token;

mod flags;
mod job;
mod wide;

pub use error::Error;
pub use token::Token;
