//! The bytes that represent uninitialised memory.
//!
//! They differ by position and are never zero, so that eight of them in a row,
//! unmoved, cannot have been written by the driver.

const PERIOD: usize = 256;

static PATTERN: [u8; PERIOD] = {
    let mut bytes = [0; PERIOD];
    let mut state = 0x9E37_79B9_u32;
    let mut at = 0;
    while at < PERIOD {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let byte = state.to_le_bytes()[0];
        if byte != 0 {
            bytes[at] = byte;
            at += 1;
        }
    }
    bytes
};

/// The pattern of a whole buffer, mixed with `stale`: each piece with its offset.
pub(crate) fn pieces(length: usize, stale: u8, mut write: impl FnMut(usize, &[u8])) {
    let mixed;
    let pattern = if stale == 0 {
        &PATTERN
    } else {
        mixed = PATTERN.map(|byte| byte ^ stale);
        &mixed
    };
    for offset in (0..length).step_by(PERIOD) {
        write(offset, &pattern[..PERIOD.min(length - offset)]);
    }
}

/// The first eight aligned bytes from `start` on that are still unwritten.
pub(crate) fn unwritten(buffer: &[u8], start: usize, stale: u8) -> Option<usize> {
    let start = start.next_multiple_of(8);
    let rest = buffer.get(start..)?.as_chunks::<8>().0;
    let mixed = u64::from_ne_bytes([stale; 8]);
    let (pattern, _) = PATTERN.as_chunks::<8>();
    let found = rest.iter().enumerate().position(|(index, eight)| {
        let expected = pattern[(start / 8 + index) % pattern.len()];
        u64::from_ne_bytes(*eight) ^ mixed == u64::from_ne_bytes(expected)
    })?;
    Some(start + 8 * found)
}

#[cfg(test)]
mod tests {
    use super::{pieces, unwritten};

    fn fill(buffer: &mut [u8], stale: u8) {
        pieces(buffer.len(), stale, |offset, piece| buffer[offset..][..piece.len()].copy_from_slice(piece));
    }

    #[test]
    fn what_is_not_written_is_found() {
        let mut buffer = [0; 600];
        for stale in [0, 0x5A] {
            fill(&mut buffer, stale);
            assert_eq!(unwritten(&buffer, 0, stale), Some(0));
            buffer[..520].fill(0);
            assert_eq!(unwritten(&buffer, 0, stale), Some(520));
            buffer[520..].fill(7);
            assert_eq!(unwritten(&buffer, 0, stale), None);
        }
    }

    #[test]
    fn what_is_before_the_start_does_not_count() {
        let mut buffer = [0; 64];
        fill(&mut buffer, 0);
        buffer[32..].fill(0);
        assert_eq!(unwritten(&buffer, 25, 0), None);
        assert_eq!(unwritten(&buffer, 20, 0), Some(24));
    }
}
