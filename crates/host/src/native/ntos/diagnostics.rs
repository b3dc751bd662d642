//! The driver stops the system.

use crate::FaultKind;
use crate::native::running::call::exports;

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn KeBugCheckEx[ANY, fails NEVER](cx, code: u32, a: u64, b: u64, c: u64, d: u64) {
        Err(cx.fault(
            FaultKind::BugCheck,
            format_args!("stops the system with 0x{code:X} (0x{a:X}, 0x{b:X}, 0x{c:X}, 0x{d:X})"),
        ))
    }
}
