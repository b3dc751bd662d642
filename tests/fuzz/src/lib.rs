//! What is fuzzed, as plain functions over bytes.
//!
//! A [`Target`] takes any bytes and says what is wrong with what came of them.
//! libFuzzer feeds it from `tests/fuzz/libfuzzer`, over the driver's service;
//! `tests/replay.rs` feeds it what is kept, on any toolchain, over the service
//! and over the loaded image, and then both must show the same.
//!
//! Kept are, beside this folder: `seeds`, made by `tests/seeds.rs`;
//! `regressions`, inputs that once failed, named after what they were; and
//! `corpus`, inputs that libFuzzer found to reach something new.

mod descriptor;
mod image;
mod ioctl;
mod program;
mod scene;

pub use ioctl::Request;

use psimp_harness::driver::Source;

/// Something that takes bytes from nobody knows where.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, also of its folders and of its program for libFuzzer.
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
    /// Runs one input. Where the driver is part of the target, every source
    /// gets it, and all must show the same.
    ///
    /// # Errors
    /// What is wrong, and with what.
    pub fn run(&self, bytes: &[u8], sources: &[Source]) -> Result<(), String> {
        (self.run)(bytes, sources)
    }

    /// Runs one input over the service.
    ///
    /// # Panics
    /// When something is wrong: that is how libFuzzer is told.
    pub fn must_hold(&self, bytes: &[u8]) {
        if let Err(wrong) = self.run(bytes, &[Source::Service]) {
            panic!("{wrong}");
        }
    }
}
