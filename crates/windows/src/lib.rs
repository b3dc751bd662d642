//! The harness's access to a running Windows: tokens, threads, objects with
//! descriptors, processes, accounts.
//!
//! All of this calls Windows, and is empty on other systems. Native calls are
//! used where they exist, because the cases use `NTSTATUS` values, which cannot
//! be derived from Win32 errors. This is the only crate of the harness with
//! unsafe code: it returns owned handles and values.
//!
//! Handles, thread ids and the current thread's token have their Windows meaning:
//! the result of a call in "the current security context" depends on what the
//! thread impersonates.
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
