//! What each IOCTL does, over a trait for the kernel below.
//!
//! [`open()`] and [`dispatch()`] contain the whole policy of the driver. The first decides who
//! may open the device, and in which role. The second checks the caller and the request, opens
//! the handles once, applies the rules, calls the kernel and reports what it reads back.
//! `psimp.sys` runs it over ntoskrnl, the tests run it over the model; nothing in here is
//! unsafe or allocates.
//!
//! `#[inline(never)]` is for the size of the image; `driver/lib.rs` has the figures.
#![no_std]
#![forbid(unsafe_code)]

mod connection;
mod dispatch;
mod evaluate;
mod impersonate;
mod kernel;
mod open;
mod restore;
mod saves;
mod serve;
mod slot;

pub use connection::{Connection, Qos, ServerId, admit};
pub use dispatch::{Caller, Reply, dispatch};
pub use kernel::{Kernel, Statistics, Token, TokenRef, rights};
pub use open::{Open, Role, open};
pub use saves::{SaveTable, Slot};
