//! What each IOCTL does, over a trait for the kernel below.
//!
//! [`dispatch`] is the whole driver as far as policy goes: it checks the caller
//! and the claim, opens the handles once, applies the rules, calls the kernel
//! and reports what it reads back. `psimp.sys` runs it over ntoskrnl, the tests
//! run it over the model; nothing in here is unsafe or allocates.
#![no_std]
#![forbid(unsafe_code)]

mod connection;
mod dispatch;
mod evaluate;
mod impersonate;
mod kernel;
mod restore;
mod saves;
mod slot;

pub use connection::{Client, Connection, Qos, ServerId};
pub use dispatch::{Caller, Reply, dispatch};
pub use kernel::{Kernel, Slot, Statistics, Token, TokenRef, rights};
pub use saves::SaveTable;
