//! `psimp.sys`: thread impersonation behind IOCTLs.
//!
//! The shell around `psimp_service`: it creates the control device, passes each
//! request to `psimp_service::dispatch` on the caller's own thread, and gives the
//! service the kernel it asks for. All unsafe code of the driver is here; policy
//! is not.
//!
//! From top to bottom; a module uses only modules below it:
//!
//! * `entry`: `DriverEntry` and unload
//! * `device`: the control device, and its requests
//! * `nt_kernel`: the kernel that the service asks for, for one request
//! * `file`: file objects, of servers and of clients
//! * `clients`: the clients that are connected
//! * `worker`: work on a thread of the system, and why there
//! * `trace`: the event that is logged for each operation
//! * `settings`: the settings in the registry
//! * `request`: I/O requests that are completed exactly once
//! * `kernel`: owning wrappers over ntoskrnl, one type for each kind of reference
//! * `etw`: a provider of events that describe themselves
//! * `wdf`: what every use of the framework needs
//! * `ntoskrnl`: the kernel's routines
//!
//! The image is compiled for its size, as the workspace's `Cargo.toml` says, and QUERY takes fewer
//! instructions than with `opt-level = 3`: bytes are copied as a whole, and not one by one in a loop.
//!
//! `#[inline(never)]`, here, in the service and in the protocol, is on the functions that would be
//! inlined nevertheless and make the image larger. Taken off one at a time, they add this to its
//! 17,200 bytes of code: `Operation::report_reply` 640, `Values::append` 260, `Ioctl::by_code` 210,
//! `clients::connect` 140. `trace::write` has it for the stack: an operation does not need that room
//! unless a session listens.
//!
//! Without the feature `kernel` the crate is empty, so that the workspace builds on machines
//! without a WDK.
#![cfg(feature = "kernel")]
#![no_std]
// The one package whose purpose is to call the kernel.
#![allow(unsafe_code)]

mod clients;
mod device;
mod entry;
mod etw;
mod file;
mod kernel;
mod nt_kernel;
mod ntoskrnl;
mod request;
mod settings;
mod trace;
mod wdf;
mod worker;

// Brings in the panic handler. The release image holds no call to it: a lint of
// the image refuses the import of KeBugCheckEx that it would need.
extern crate wdk_panic;

#[global_allocator]
static ALLOCATOR: wdk_alloc::WdkAllocator = wdk_alloc::WdkAllocator;
