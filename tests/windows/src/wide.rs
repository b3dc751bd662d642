//! Text as Windows takes it.

use windows_sys::Win32::Foundation::UNICODE_STRING;

/// UTF-16 with a terminating zero.
pub(crate) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The native form of a text from [`wide`], which has to outlive it.
pub(crate) fn unicode_string(wide: &[u16]) -> UNICODE_STRING {
    let bytes = |units: usize| u16::try_from(units * 2).unwrap_or(u16::MAX - 1);
    UNICODE_STRING {
        Length: bytes(wide.len().saturating_sub(1)),
        MaximumLength: bytes(wide.len()),
        Buffer: wide.as_ptr().cast_mut(),
    }
}
