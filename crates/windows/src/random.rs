//! What nobody can guess.
#![allow(unsafe_code)] // RtlGenRandom

use crate::Error;
use std::hint::black_box;
use windows_sys::Win32::Security::Authentication::Identity::RtlGenRandom;

/// Random bytes of the system's generator.
///
/// # Errors
/// That it gave none.
pub fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    let length = u32::try_from(N).unwrap_or(0);
    // SAFETY: the buffer is as long as said.
    let given = unsafe { RtlGenRandom(bytes.as_mut_ptr().cast(), length) };
    if given { Ok(bytes) } else { Err(Error::last("RtlGenRandom")) }
}

/// A random password, which nothing shows and which is wiped when it is dropped.
pub struct Password(Vec<u16>);

/// One of each kind of characters, which rules for passwords ask for.
const KINDS: &str = "aA1!";
/// As many as a byte can choose from evenly.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";

impl Password {
    /// A new one of 36 characters, 192 bits of them random.
    ///
    /// # Errors
    /// That there are no random bytes.
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
