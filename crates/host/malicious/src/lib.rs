//! `malicious.sys`: a driver that breaks the contracts of the host, each on
//! request.
//!
//! It is built, linked and loaded as a driver is, so what the host reports about it holds for
//! code that a compiler made. `tests/malicious.rs` has the fault that the host has to report for each
//! defect. Never load it on Windows.
//!
//! * `call`: the data and helpers for a defect
//! * `state`: what the callbacks and the defects share
//! * `defect`: the definition of a defect; the modules named after objects contain the defects
//! * `table`: the list of all defects
//! * `entry`: `DriverEntry`, the callbacks, unload
//!
//! Without the feature `kernel` the crate is empty.
#![cfg_attr(feature = "kernel", no_std)]
// Breaking contracts takes unsafe code: the comment of each block names the one that it breaks.
#![allow(unsafe_code)]
// Code that is inlined into a defect is reported at the defect.
#![allow(clippy::inline_always)]

#[cfg(feature = "kernel")]
mod buffers;
#[cfg(feature = "kernel")]
mod call;
#[cfg(feature = "kernel")]
mod clients;
#[cfg(feature = "kernel")]
mod defect;
#[cfg(feature = "kernel")]
mod entry;
#[cfg(feature = "kernel")]
mod framework;
#[cfg(feature = "kernel")]
mod handles;
#[cfg(feature = "kernel")]
mod levels;
#[cfg(feature = "kernel")]
mod life;
#[cfg(feature = "kernel")]
mod locks;
#[cfg(feature = "kernel")]
mod memory;
#[cfg(feature = "kernel")]
mod objects;
#[cfg(feature = "kernel")]
mod pool;
#[cfg(feature = "kernel")]
mod processor;
#[cfg(feature = "kernel")]
mod requests;
#[cfg(feature = "kernel")]
mod settings;
#[cfg(feature = "kernel")]
mod state;
#[cfg(feature = "kernel")]
mod table;
#[cfg(feature = "kernel")]
mod tracing;
#[cfg(feature = "kernel")]
mod work;

// The driver's own: names and contexts are not what is tested here.
#[cfg(feature = "kernel")]
#[allow(dead_code)]
#[path = "../../../../driver/wdf.rs"]
mod wdf;

// Brings in the panic handler.
#[cfg(feature = "kernel")]
extern crate wdk_panic;
