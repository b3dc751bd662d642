//! `psimp.sys`: thread impersonation behind IOCTLs.
//!
//! The shell around `psimp_service`: it creates the control device, hands each
//! request to `psimp_service::dispatch` on the caller's own thread, and gives the
//! service the kernel it asks for. All unsafe code of the driver is here; policy
//! is not.
//!
//! * `entry`: `DriverEntry` and unload
//! * `device`: the control device and its callbacks
//! * `file`: who opened a handle, a server or a client
//! * `clients`: the clients that are connected
//! * `request`: I/O requests that are completed exactly once
//! * `settings`: what the registry says
//! * `worker`: what is done on a worker thread, and why
//! * `kernel`: owning wrappers over ntoskrnl, one type a reference
//! * `trace`: what is told of each operation, through `etw`
//!
//! Without the feature `kernel` the crate is empty, so that the workspace builds
//! on machines that have no WDK.
#![cfg_attr(feature = "kernel", no_std)]
// The one package whose job is to call the kernel.
#![allow(unsafe_code)]

#[cfg(feature = "kernel")]
mod clients;
#[cfg(feature = "kernel")]
mod device;
#[cfg(feature = "kernel")]
mod entry;
#[cfg(feature = "kernel")]
mod etw;
#[cfg(feature = "kernel")]
mod file;
#[cfg(feature = "kernel")]
mod kernel;
#[cfg(feature = "kernel")]
mod request;
#[cfg(feature = "kernel")]
mod settings;
#[cfg(feature = "kernel")]
mod trace;
#[cfg(feature = "kernel")]
mod wdf;
#[cfg(feature = "kernel")]
mod worker;

// Brings in the panic handler. The release image holds no call to it: a lint of
// the image refuses the import of KeBugCheckEx that it would need.
#[cfg(feature = "kernel")]
extern crate wdk_panic;

#[cfg(feature = "kernel")]
#[global_allocator]
static ALLOCATOR: wdk_alloc::WdkAllocator = wdk_alloc::WdkAllocator;
