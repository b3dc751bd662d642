//! `ntoskrnl.exe`, as far as the driver imports it.

mod access;
mod client;
mod descriptor;
mod diagnostics;
mod duplicate;
mod etw;
mod handle;
mod impersonation;
mod lookup;
mod objects;
mod pool;
mod raw;
mod threads;
mod tokens;

use crate::native::engine::export::Export;

/// The exports that are modelled.
pub(crate) const TABLES: &[&[&Export]] = &[
    raw::EXPORTS,
    pool::EXPORTS,
    objects::EXPORTS,
    handle::EXPORTS,
    duplicate::EXPORTS,
    threads::EXPORTS,
    tokens::EXPORTS,
    impersonation::EXPORTS,
    client::EXPORTS,
    descriptor::EXPORTS,
    access::EXPORTS,
    etw::EXPORTS,
    diagnostics::EXPORTS,
];

/// `KernelMode`.
const KERNEL_MODE: u8 = 0;
/// `UserMode`.
const USER_MODE: u8 = 1;
