//! The checksum in the header, which the kernel verifies for every driver.

use super::malformed;
use crate::LoadError;
use object::LittleEndian as LE;
use object::pe::{ImageDosHeader, ImageNtHeaders64};

/// Offset of the checksum from the start of the NT headers: signature, file
/// header, and 64 bytes of the optional header.
const OFFSET: usize = 4 + 20 + 64;

pub(super) fn check(bytes: &[u8], nt: &ImageNtHeaders64, dos: &ImageDosHeader) -> Result<(), LoadError> {
    let stored = nt.optional_header.check_sum.get(LE);
    let actual = sum(bytes, offset(dos));
    if stored == actual {
        Ok(())
    } else {
        Err(malformed(format!("the checksum is 0x{stored:X} instead of 0x{actual:X}")))
    }
}

/// Sets the checksum of a modified image.
///
/// # Errors
/// When it has no header to store the checksum in.
pub fn seal(bytes: &mut [u8]) -> Result<(), LoadError> {
    let at = offset(ImageDosHeader::parse(&*bytes)?);
    let sum = sum(bytes, at).to_le_bytes();
    let end = at.saturating_add(sum.len());
    let field = bytes.get_mut(at..end).ok_or_else(|| malformed("no room for a checksum"))?;
    field.copy_from_slice(&sum);
    Ok(())
}

fn offset(dos: &ImageDosHeader) -> usize {
    usize::try_from(dos.nt_headers_offset()).unwrap_or(0).saturating_add(OFFSET)
}

/// The ones' complement sum of all 16-bit words, with those at `skipped` as
/// zero, plus the length.
fn sum(bytes: &[u8], skipped: usize) -> u32 {
    let mut sum = 0_u32;
    for (index, pair) in bytes.chunks(2).enumerate() {
        let at = 2 * index;
        if at == skipped || at == skipped + 2 {
            continue;
        }
        let word = match *pair {
            [low, high] => u16::from_le_bytes([low, high]),
            [low] => u16::from(low),
            _ => 0,
        };
        sum += u32::from(word);
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum.wrapping_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX))
}
