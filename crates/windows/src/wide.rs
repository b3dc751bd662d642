//! Text in the form that Windows takes.
#![allow(unsafe_code)] // text by its pointer

use windows_sys::Win32::Foundation::UNICODE_STRING;
use windows_sys::Win32::Globalization::lstrlenW;

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

/// The text that a pointer points to; nothing for none.
///
/// # Safety
/// The pointer is null, or what it points to ends with a zero.
pub(crate) unsafe fn text(pointer: *const u16) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: the caller guarantees a zero at the end.
    let length = unsafe { lstrlenW(pointer) };
    let length = usize::try_from(length).unwrap_or(0);
    // SAFETY: this many units precede the zero, and nothing changes them until this returns.
    String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(pointer, length) })
}
