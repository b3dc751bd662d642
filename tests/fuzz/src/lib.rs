//! The fuzz targets, as functions over bytes.
//!
//! A [`Target`] takes any bytes and returns what is wrong with the result.
//! libFuzzer runs it from `tests/fuzz/libfuzzer`, over the driver's service;
//! `tests/replay.rs` runs it with the stored inputs, on any toolchain, over the
//! service and over the loaded image, whose results must be the same.
//!
//! Stored beside this folder are `seeds`, made by `tests/seeds.rs`;
//! `regressions`, inputs that once failed, named after the failure; and
//! `corpus`, inputs that libFuzzer found to reach new code.

mod descriptor;
mod image;
mod ioctl;
mod program;
mod scene;

pub use ioctl::Request;

use psimp_harness::driver::Source;

/// A function that takes untrusted bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of its folders and of its program for libFuzzer.
    pub name: &'static str,
    run: fn(&[u8], &[Source]) -> Result<(), String>,
}

/// Raw bytes to every control code.
pub const IOCTL: Target = Target { name: "ioctl", run: ioctl::run };
/// Programs of calls.
pub const PROGRAM: Target = Target { name: "program", run: program::run };
/// Driver images: read, checked and mapped, never run.
pub const IMAGE: Target = Target { name: "image", run: image::run };
/// Security descriptors and SIDs.
pub const DESCRIPTOR: Target = Target { name: "descriptor", run: descriptor::run };

/// Every target.
pub const TARGETS: &[Target] = &[IOCTL, PROGRAM, IMAGE, DESCRIPTOR];

impl Target {
    /// Runs one input. If the driver is part of the target, the input runs on
    /// every source, and the results must be the same.
    ///
    /// # Errors
    /// What is wrong.
    pub fn run(&self, bytes: &[u8], sources: &[Source]) -> Result<(), String> {
        (self.run)(bytes, sources)
    }

    /// Runs one input over the service.
    ///
    /// # Panics
    /// If something is wrong, which libFuzzer detects.
    pub fn must_hold(&self, bytes: &[u8]) {
        if let Err(wrong) = self.run(bytes, &[Source::Service]) {
            panic!("{wrong}");
        }
    }
}
