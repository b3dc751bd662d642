//! The decision rule of `PsImpersonateClient`, as pure functions.
//!
//! Token facts and a requested level go in; a [`Decision`] comes out: the token
//! itself is stored ([`Verdict::Kept`]), a weaker copy is stored
//! ([`Verdict::Copied`]), or the call fails ([`Verdict::Refused`]), and the
//! [`Rule`] that settled it. What differs between the documentation and the
//! kernels is data: a [`Profile`] is a set of settings, and one function reads them.
//!
//! The same code is compiled into `psimp.sys`, into the kernel model and into
//! the tests. It reads only its arguments and holds no state.
#![no_std]
#![forbid(unsafe_code)]

mod decide;
mod facts;
mod kernel;
mod profile;

pub use decide::{
    Decision, Effect, Refusal, Rule, Step, Verdict, decide, decide_lazy, decide_traced, raises,
};
pub use facts::{Package, PlatformFacts, Restriction, TokenFacts};
pub use kernel::{AnonymousClient, Family, Kernel, KernelFacts};
pub use profile::{
    Anonymous, Combine, CopyLevel, DOC, DOC_ANY, DenyAction, Integrity, Job, NT52, NoPrimary, PEIOS,
    PEIOS_STRICT, PROFILES, Profile, Restricted, SlotStorage, UM, W10, W10_RECENT,
};
