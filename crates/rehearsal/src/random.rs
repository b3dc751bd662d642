//! Random values.

use psimp_windows::Error;
use std::fs::File;
use std::io::Read as _;

/// Random bytes of this system's generator.
///
/// # Errors
/// The generator's error.
pub fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map(|()| bytes).map_err(|error| Error::of_std("/dev/urandom", &error))
}

/// A random password, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password([u8; 32]);

impl Password {
    /// A new password.
    ///
    /// # Errors
    /// The generator's error.
    pub fn new() -> Result<Self, Error> {
        bytes().map(Self)
    }
}
