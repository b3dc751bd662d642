//! Security identifiers in their binary form.

use crate::Status;
use core::fmt;

/// A validated SID, held by value.
///
/// Layout of the bytes: revision (1), sub-authority count (0 to 15), a
/// big-endian 48-bit identifier authority, then the sub-authorities as
/// little-endian 32-bit integers. Two SIDs are equal when these bytes are.
///
/// The bytes come first and are aligned as the kernel's `SID`, whose sub-authorities are `ULONG`s:
/// system calls refuse a SID at another address with `STATUS_DATATYPE_MISALIGNMENT`.
#[derive(Clone, Copy)]
#[repr(C, align(4))]
pub struct Sid {
    bytes: [u8; Sid::MAX_LENGTH],
    length: u8,
}

/// The bytes do not form a SID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSid;

impl Sid {
    /// Length of a SID with all 15 sub-authorities, in bytes.
    pub const MAX_LENGTH: usize = 68;
    const HEADER: usize = 8;

    /// S-1-5-7, the anonymous logon. Carrying it does not make a token
    /// anonymous for the rules: its authentication id does.
    pub const ANONYMOUS_LOGON: Self = Self::new(5, &[7]);
    /// S-1-1-0.
    pub const EVERYONE: Self = Self::new(1, &[0]);

    /// Builds `S-1-authority-sub-…` from an authority below 256 and at most 15
    /// sub-authorities; further ones are left out.
    pub const fn new(authority: u8, sub_authorities: &[u32]) -> Self {
        let mut bytes = [0; Self::MAX_LENGTH];
        bytes[0] = 1;
        bytes[7] = authority;
        let mut count = 0;
        while count < sub_authorities.len() && count < 15 {
            let le = sub_authorities[count].to_le_bytes();
            let at = Self::HEADER + 4 * count;
            bytes[at] = le[0];
            bytes[at + 1] = le[1];
            bytes[at + 2] = le[2];
            bytes[at + 3] = le[3];
            count += 1;
        }
        #[allow(clippy::cast_possible_truncation)] // count is at most 15
        let count = count as u8;
        bytes[1] = count;
        Self { bytes, length: 8 + 4 * count }
    }

    /// Reads the SID at the start of `bytes`, which may be longer than it.
    ///
    /// # Errors
    /// [`InvalidSid`] when the revision is not 1, there are more than 15
    /// sub-authorities, or `bytes` ends before they do.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidSid> {
        let (&[1, count @ 0..=15], _) = bytes.split_first_chunk::<2>().ok_or(InvalidSid)? else {
            return Err(InvalidSid);
        };
        let length = 8 + 4 * count;
        let source = bytes.get(..usize::from(length)).ok_or(InvalidSid)?;
        let mut sid = Self { bytes: [0; Self::MAX_LENGTH], length };
        for (to, from) in sid.bytes.iter_mut().zip(source) {
            *to = *from;
        }
        Ok(sid)
    }

    /// [`Sid::parse`] of what a kernel returned, which is an error of its own if it is no SID.
    ///
    /// Not inlined, so that the result is made where the caller returns it.
    ///
    /// # Errors
    /// `UNSUCCESSFUL` for [`InvalidSid`].
    #[inline(never)]
    pub fn of_kernel(bytes: &[u8]) -> Result<Self, Status> {
        Self::parse(bytes).map_err(|InvalidSid| Status::UNSUCCESSFUL)
    }

    /// The binary form, 8 to 68 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        // `length` is at most 68 by construction; the fallback is never taken.
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }

    /// The binary form, zero-filled to the longest SID.
    pub const fn padded(&self) -> &[u8; Self::MAX_LENGTH] {
        &self.bytes
    }

    fn sub_authorities(&self) -> impl Iterator<Item = u32> + '_ {
        let (subs, _) = self.as_bytes().get(Self::HEADER..).unwrap_or(&[]).as_chunks::<4>();
        subs.iter().map(|sub| u32::from_le_bytes(*sub))
    }
}

impl PartialEq for Sid {
    fn eq(&self, other: &Self) -> bool {
        // Bytes past the length are zero in both, so the whole array compares.
        self.length == other.length && self.bytes == other.bytes
    }
}

impl Eq for Sid {}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority =
            self.bytes.iter().skip(2).take(6).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        write!(f, "S-1-{authority}")?;
        self.sub_authorities().try_for_each(|sub| write!(f, "-{sub}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn parses_what_it_prints() {
        let bytes = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0xE8, 3, 0, 0];
        let sid = Sid::parse(&bytes).expect("a valid SID");
        assert_eq!(sid.to_string(), "S-1-5-21-1-2-3-1000");
        assert_eq!(sid.as_bytes(), bytes);
        assert_eq!(sid, Sid::new(5, &[21, 1, 2, 3, 1000]));
    }

    #[test]
    fn the_binary_form_is_aligned_for_the_kernel() {
        let list = [Sid::ANONYMOUS_LOGON, Sid::EVERYONE, Sid::new(5, &[18])];
        for sid in &list {
            assert_eq!(sid.padded().as_ptr().addr() % 4, 0, "{sid}");
            assert_eq!(sid.as_bytes().as_ptr(), sid.padded().as_ptr());
        }
        assert!(align_of::<Sid>() >= 4);
    }

    #[test]
    fn the_anonymous_logon_is_s_1_5_7() {
        assert_eq!(Sid::ANONYMOUS_LOGON.to_string(), "S-1-5-7");
        assert_ne!(Sid::ANONYMOUS_LOGON, Sid::new(1, &[7]));
    }

    #[test]
    fn refuses_what_is_no_sid() {
        assert_eq!(Sid::parse(&[]), Err(InvalidSid));
        assert_eq!(Sid::parse(&[2, 0, 0, 0, 0, 0, 0, 5]), Err(InvalidSid), "revision 2");
        assert_eq!(Sid::parse(&[1, 16, 0, 0, 0, 0, 0, 5]), Err(InvalidSid), "16 sub-authorities");
        assert_eq!(Sid::parse(&[1, 1, 0, 0, 0, 0, 0, 5, 7, 0, 0]), Err(InvalidSid), "one byte short");
    }

    #[test]
    fn a_longer_buffer_is_read_to_the_sids_end() {
        let sid = Sid::parse(&[1, 1, 0, 0, 0, 0, 0, 5, 7, 0, 0, 0, 0xAA, 0xAA]).expect("a valid SID");
        assert_eq!(sid, Sid::ANONYMOUS_LOGON);
    }
}
