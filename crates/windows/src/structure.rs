//! Structures as system calls take them.

use std::ffi::c_void;

/// What a call that sets information takes: a pointer without a type, and the length. The kernel probes it with the
/// alignment of a `ULONG`, or of a handle where it is one.
pub(crate) fn information<T>(information: &T) -> (*const c_void, u32) {
    const { assert!(align_of::<T>() >= align_of::<u32>()) };
    (std::ptr::from_ref(information).cast(), length::<T>())
}

/// The length of a structure, as the native calls take it.
pub(crate) fn length<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}
