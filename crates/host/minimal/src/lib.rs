//! `minimal.sys`: a KMDF driver to begin with. It knows nothing of psimp.
//!
//! A control device `\Device\Minimal` with the link `\DosDevices\Minimal`, and one control code,
//! which turns the bytes of its input round. `examples/load_driver.rs` of the host loads it, and a
//! driver of your own that is built the same way.
//!
//! Without the feature `kernel` the crate is empty, so that the workspace builds on machines that
//! have no WDK.
#![cfg_attr(feature = "kernel", no_std)]
// A driver's calls are unsafe.
#![allow(unsafe_code)]

#[cfg(feature = "kernel")]
mod driver;

// Brings in the panic handler.
#[cfg(feature = "kernel")]
extern crate wdk_panic;
