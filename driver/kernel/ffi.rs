//! The few kernel names that the bindings lack: inline functions in the headers
//! that the kernel also exports, and rights that only `winnt.h` defines.

use wdk_sys::{KIRQL, PETHREAD};

unsafe extern "system" {
    /// Any IRQL.
    pub(super) fn KeGetCurrentIrql() -> KIRQL;
    /// Any IRQL. No reference is taken: the current thread outlives the call.
    pub(super) fn PsGetCurrentThread() -> PETHREAD;
}
