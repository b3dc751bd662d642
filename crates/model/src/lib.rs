//! A model of the NT security kernel, as far as thread impersonation reaches.
//!
//! [`System`] is one running kernel: one of the kernels in [`Kernel`]. Kernel routines carry
//! their NT names in snake case (`ps_impersonate_client`), as do the system
//! calls of user mode (`nt_open_thread_token`). The model is safe Rust and
//! `Sync`: threads of the model may be driven by different OS threads.
//!
//! References are [`std::sync::Arc`]s: a slot, a handle and a caller each hold one, so a
//! token's strong count is its NT reference count. The model refuses, with a named error,
//! what it does not implement; it never approximates.
#![forbid(unsafe_code)]

mod access;
mod client;
mod fault;
mod impersonate;
mod io;
mod job;
mod luids;
mod native;
mod object;
pub mod rights;
mod sd;
mod sddl;
mod session;
mod status;
mod system;
mod token;

pub use access::{AccessChecked, AccessMode, AccessRequest, GenericMapping, SubjectContext};
pub use client::{ClientContext, SecurityQos};
pub use fault::{FaultPoint, Faults};
pub use io::{check_ioctl_access, open_device};
pub use job::{Job, job_flags};
pub use native::TokenInformation;
pub use object::{
    HandleTable, ImpersonationState, Object, ObjectType, Process, SlotState, Thread, reference_by_handle,
};
pub use psimp_rules::Kernel;
pub use sd::{Ace, AceKind, Acl, InvalidDescriptor, MandatoryLabel, SecurityDescriptor};
pub use sddl::{UnknownSddl, parse as parse_sddl};
pub use system::{DosDevices, System};
pub use token::{
    Group, Privilege, Token, TokenDetails, TokenFilter, TokenSource, TokenSpec, privileges, sids,
};
