//! The harness's access to a running Windows: tokens, threads, objects with
//! descriptors, processes, accounts.
//!
//! What calls Windows is absent on other systems, which have the values that the calls take and
//! return ([`information`], [`error`], [`rights`], [`descriptor`], [`values`]). Native calls are used where they exist,
//! because the cases use `NTSTATUS` values, which cannot be derived from Win32 errors. This is the only crate of the harness with
//! unsafe code: it returns owned handles and values.
//!
//! Handles, thread ids and the current thread's token have their Windows meaning:
//! the result of a call in "the current security context" depends on what the
//! thread impersonates.

#[cfg(all(windows, not(target_pointer_width = "64")))]
compile_error!("the layouts that are read here are those of 64-bit Windows");

#[cfg(windows)]
pub mod account;
#[cfg(windows)]
pub mod console;
pub mod descriptor;
#[cfg(windows)]
pub mod device;
pub mod error;
#[cfg(windows)]
pub mod handle;
pub mod information;
#[cfg(windows)]
pub mod logon;
#[cfg(windows)]
pub mod machine;
#[cfg(windows)]
pub mod ntdll;
#[cfg(windows)]
pub mod object;
#[cfg(windows)]
pub mod pipe;
#[cfg(windows)]
pub mod process;
#[cfg(windows)]
pub mod random;
pub mod rights;
#[cfg(windows)]
pub mod service;
#[cfg(windows)]
pub mod settings;
#[cfg(windows)]
pub mod sid;
#[cfg(windows)]
pub mod snapshot;
#[cfg(windows)]
pub mod thread;
#[cfg(windows)]
pub mod token;
pub mod values;

#[cfg(any(windows, test))]
#[cfg_attr(not(windows), allow(dead_code))] // tests read some of it
mod answer;
#[cfg(windows)]
mod file;
#[cfg(windows)]
mod flags;
#[cfg(windows)]
mod job;
#[cfg(windows)]
mod structure;
#[cfg(all(windows, test))]
mod tests;
#[cfg(windows)]
mod wide;

pub use error::Error;
#[cfg(windows)]
pub use token::Token;
