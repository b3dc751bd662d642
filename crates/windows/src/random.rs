//! Random values that cannot be guessed.
#![allow(unsafe_code)] // RtlGenRandom

use crate::Error;
use std::hint::black_box;
use windows_sys::Win32::Security::Authentication::Identity::RtlGenRandom;

/// Random bytes of the system's generator.
///
/// # Errors
/// The generator's error.
pub fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    let length = u32::try_from(N).unwrap_or(0);
    // SAFETY: the buffer has the given length.
    let given = unsafe { RtlGenRandom(bytes.as_mut_ptr().cast(), length) };
    if given { Ok(bytes) } else { Err(Error::last("RtlGenRandom")) }
}

/// A random password, which is never printed and is wiped on drop.
pub struct Password(Vec<u16>);

/// One of each kind of characters, which password policies require.
const KINDS: &str = "aA1!";
/// The number divides 256, so that a byte selects evenly.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";

impl Password {
    /// A new password of 36 characters, with 192 random bits.
    ///
    /// # Errors
    /// The generator's error.
    pub fn new() -> Result<Self, Error> {
        let mut random = bytes::<32>()?;
        let chosen = random.iter().map(|byte| u16::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        let mut units = Vec::with_capacity(KINDS.len() + random.len() + 1);
        units.extend(KINDS.encode_utf16().chain(chosen).chain([0]));
        random.fill(0);
        black_box(&random);
        Ok(Self(units))
    }

    /// It ends with a zero.
    pub(crate) fn pointer(&self) -> *const u16 {
        self.0.as_ptr()
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        self.0.fill(0);
        black_box(&self.0);
    }
}
