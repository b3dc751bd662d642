//! Subject contexts and access checks.

use super::descriptor;
use crate::FaultKind;
use crate::native::contracts::references::RefSource;
use crate::native::engine::address::Address;
use crate::native::engine::stop::Outcome;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_model::{AccessChecked, AccessMode, AccessRequest, GenericMapping, Object, SubjectContext, Token};
use psimp_nt::Status;
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

/// `SECURITY_SUBJECT_CONTEXT`. The driver may move it: what it was filled with
/// identifies the capture.
#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct Captured {
    client: u64,
    level: u32,
    padding: u32,
    primary: u64,
    audit_id: u64,
}

/// Offsets in it.
mod captured {
    pub(super) const CLIENT: u64 = 0;
    pub(super) const LEVEL: u64 = 8;
    pub(super) const PRIMARY: u64 = 16;
    pub(super) const AUDIT_ID: u64 = 24;
}

/// `GENERIC_MAPPING`.
#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct Mapping {
    read: u32,
    write: u32,
    execute: u32,
    all: u32,
}

const WHAT: &str = "SECURITY_SUBJECT_CONTEXT";

exports! {
    /// The exports that are modelled.
    EXPORTS:

    /// The level is not written when the thread does not impersonate.
    fn SeCaptureSubjectContext[PASSIVE, fails NEVER](cx, context: Address) {
        let thread = cx.dispatch.thread;
        let subject = SubjectContext::capture(&cx.machine().system, thread);
        let field = |offset| Address(context.0.wrapping_add(offset));
        let (mut client, mut level) = (Address::NULL, None);
        if let Some((token, captured)) = subject.client() {
            client = cx.give(Object::Token(token.clone()), RefSource::Client(captured));
            level = Some(captured);
        }
        let primary = cx.give(Object::Token(subject.primary().clone()), RefSource::Subject);
        cx.write(field(captured::CLIENT), &client.0, WHAT)?;
        if let Some(level) = level {
            cx.write(field(captured::LEVEL), &level, WHAT)?;
        }
        cx.write(field(captured::PRIMARY), &primary.0, WHAT)?;
        cx.write(field(captured::AUDIT_ID), &u64::from(thread.process().id()), WHAT)
    }

    fn SeReleaseSubjectContext[PASSIVE, fails NEVER](cx, context: Address) {
        let given: Captured = cx.read(context, WHAT)?;
        subject(cx, &given, FaultKind::OverDereference)?;
        if given.client != 0 {
            cx.take_back(Address(given.client), RefSource::Client(given.level))?;
        }
        cx.take_back(Address(given.primary), RefSource::Subject)
    }

    fn RtlMapGenericMask[ANY, fails NEVER](cx, mask: Address, mapping: Address) {
        let mapping = generic_mapping(cx, mapping)?;
        let given: u32 = cx.read(mask, "AccessMask")?;
        cx.write(mask, &mapping.map(given), "AccessMask")
    }

    /// Generic rights are the caller's to map: a debug kernel asserts that there are none.
    fn SeAccessCheck[PASSIVE, fails NEVER](
        cx, descriptor: Address, context: Address, locked: u8, desired: u32, previously_granted: u32,
        privileges: Address, mapping: Address, mode: u8, granted: Address, status: Address
    ) -> bool {
        let given: Captured = cx.read(context, WHAT)?;
        let subject = subject(cx, &given, FaultKind::Unreferenced)?;
        if locked != 0 {
            return cx.bad_argument("was given SubjectContextLocked for a subject context that is not locked");
        }
        if privileges.non_null().is_some() {
            return cx.not_modelled("asks for the privileges that were used");
        }
        if desired & GenericMapping::GENERIC != 0 {
            return cx.bad_argument(format_args!(
                "was given access 0x{desired:08X}, whose generic rights RtlMapGenericMask has not mapped"
            ));
        }
        let mapping = generic_mapping(cx, mapping)?;
        let mode = cx.mode(mode)?;
        // In `KernelMode`, access is granted without reading the descriptor.
        let descriptor = descriptor.non_null().filter(|_| mode == AccessMode::User);
        let descriptor = descriptor.map(|at| descriptor::read(cx, at)).transpose()?;
        let request = AccessRequest { desired, previously_granted, mapping, mode };
        let checked = AccessChecked::from(subject.se_access_check(descriptor.as_ref(), &request));
        cx.write(granted, &checked.granted, "GrantedAccess")?;
        cx.write(status, &checked.status.0, "AccessStatus")?;
        Ok(checked.status == Status::SUCCESS)
    }
}

fn generic_mapping(cx: &Context<'_>, at: Address) -> Outcome<GenericMapping> {
    let Mapping { read, write, execute, all } = cx.read(at, "GENERIC_MAPPING")?;
    Ok(GenericMapping { read, write, execute, all })
}

/// The context that was captured into a structure; a fault of the given kind
/// when none was.
fn subject(cx: &Context<'_>, given: &Captured, otherwise: FaultKind) -> Outcome<SubjectContext> {
    let client = match given.client {
        0 => Some(None),
        client => {
            referenced(cx, client, RefSource::Client(given.level)).map(|token| Some((token, given.level)))
        }
    };
    match client.zip(referenced(cx, given.primary, RefSource::Subject)) {
        Some((client, primary)) => Ok(SubjectContext::new(&cx.machine().system, client, primary)),
        None => Err(cx.fault(
            otherwise,
            format_args!("was given a {WHAT} that SeCaptureSubjectContext did not fill, or that is released"),
        )),
    }
}

/// The token at an address, if the driver holds a reference of that kind.
fn referenced(cx: &Context<'_>, at: u64, source: RefSource) -> Option<Arc<Token>> {
    let here = cx.account().references.borrow().object_from(at, source).cloned();
    match here.or_else(|| cx.machine().ledger.object_from(at, source))? {
        Object::Token(object) => Some(object),
        _ => None,
    }
}
