//! The modelled part of `ntoskrnl.exe`. [`lookup`] is below the others.

mod access;
mod client;
mod critical_region;
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

pub(crate) use etw::listen;

use crate::native::engine::export::Export;

/// The exports that are modelled.
pub(crate) const TABLES: &[&[&Export]] = &[
    raw::EXPORTS,
    pool::EXPORTS,
    objects::EXPORTS,
    handle::EXPORTS,
    duplicate::EXPORTS,
    threads::EXPORTS,
    critical_region::EXPORTS,
    tokens::EXPORTS,
    impersonation::EXPORTS,
    client::EXPORTS,
    descriptor::EXPORTS,
    access::EXPORTS,
    etw::EXPORTS,
    diagnostics::EXPORTS,
];
