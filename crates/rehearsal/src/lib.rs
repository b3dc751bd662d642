//! The calls that the harness makes to Windows, as [`psimp_windows`] has them, over the model of the kernel, with the
//! requests going to the driver's image in the host: a rehearsal of `--target device` and `--target native`.
//!
//! A [`Rehearsal`] is one machine. A process of it is a process of the model with a handle table of its own; its
//! threads are threads of this process that are bound to a thread of the model. A call is made by the thread that is
//! bound to the calling one, with what that impersonates, in the process that it belongs to.
//!
//! A call that [`psimp_windows`] has and this has not calls [`lacks`], which makes the case a skipped one. What the
//! rehearsal cannot show is in [`LACKING`].
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![forbid(unsafe_code)]

pub mod account;
pub mod console;
pub mod device;
pub mod handle;
pub mod logon;
pub mod machine;
pub mod ntdll;
pub mod object;
pub mod pipe;
pub mod process;
pub mod random;
pub mod settings;
pub mod sid;
pub mod thread;
pub mod token;

mod bytes;
mod call;
mod inject;
mod lacking;
mod people;
mod rehearsal;
mod running;
mod stream;

pub use inject::{Injected, Injection};
pub use lacking::LACKING;
pub use psimp_windows::{Error, error, information, rights};
pub use rehearsal::Rehearsal;
pub use token::Token;

/// Records that the calling process needs what the rehearsal does not have, by the name of the call. The case that made
/// it is skipped with that name.
pub fn lacks(call: &'static str) -> psimp_nt::Status {
    call::enter().machine().lacking.lock().get_or_insert(call);
    ntdll::NOT_IMPLEMENTED
}
