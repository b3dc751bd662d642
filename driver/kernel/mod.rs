//! ntoskrnl as the driver uses it: safe functions and owning references.
//!
//! All functions here run at `PASSIVE_LEVEL` in the caller's thread; the device
//! callback checks the IRQL before it calls any.

mod access;
mod client;
mod disabled;
mod object;
mod slot;
mod token;

pub(crate) use access::check as access_check;
pub(crate) use client::{ClientSecurity, ServedClient};
pub(crate) use object::{Process, Thread};
pub(crate) use slot::revert_to_self;
pub(crate) use token::{HandleToken, PrimaryToken, SlotToken, TokenPtr};

use crate::ntoskrnl::{PsGetCurrentProcessId, PsGetCurrentThreadId};
use psimp_nt::Status;
use wdk_sys::{HANDLE, NTSTATUS};

/// Whether a request that the driver was just given is at `PASSIVE_LEVEL`. Any IRQL.
///
/// On arm64 nobody is asked: `KeGetCurrentIrql` is the HAL's there before Windows 10 2004. A request
/// from user mode is at that level by the contract of the I/O manager, and the service refuses others
/// first.
pub(crate) fn is_passive_level() -> bool {
    #[cfg(target_arch = "aarch64")]
    return true;
    #[cfg(not(target_arch = "aarch64"))]
    {
        // SAFETY: callable at any IRQL.
        let irql = unsafe { crate::ntoskrnl::KeGetCurrentIrql() };
        u32::from(irql) == wdk_sys::PASSIVE_LEVEL
    }
}

/// The id of the calling process.
pub(crate) fn current_process_id() -> u32 {
    // SAFETY: callable at any IRQL.
    id(unsafe { PsGetCurrentProcessId() })
}

/// The id of the calling thread.
pub(crate) fn current_thread_id() -> u32 {
    // SAFETY: callable at any IRQL.
    id(unsafe { PsGetCurrentThreadId() })
}

/// Ids of processes and threads have the type of handles, and 32 bits.
#[allow(clippy::cast_possible_truncation)]
fn id(id: HANDLE) -> u32 {
    id.addr() as u32
}

/// A status of the kernel or the framework as a result.
pub(crate) fn check(status: NTSTATUS) -> Result<(), Status> {
    Status(status.cast_unsigned()).ok()
}
