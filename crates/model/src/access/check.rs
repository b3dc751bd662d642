//! `SeAccessCheck`.
//!
//! Modelled: access mode, the refusal of clients below Impersonation, DACLs in
//! entry order, owner, maximum access, restricting SIDs, integrity labels, and
//! the two privileges that grant access. Not modelled: owner-rights entries, the
//! `AppContainer` pass, central policies and trust labels. A check that would
//! have to read a compound, object or callback entry fails.

use super::mapping::GenericMapping;
use super::subject::SubjectContext;
use crate::rights;
use crate::status::NOT_SUPPORTED;
use crate::{AceKind, Acl, MandatoryLabel, SecurityDescriptor, Token, privileges};
use psimp_nt::{Sid, Status};
use psimp_rules::Restriction;

/// The mode for which a check is made (`KPROCESSOR_MODE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessMode {
    /// Kernel mode: granted without a check.
    Kernel,
    /// User mode.
    User,
}

/// The input of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRequest {
    /// `DesiredAccess`. Generic rights are for the caller to map: as they are, no entry grants them.
    pub desired: u32,
    /// `PreviouslyGrantedAccess`.
    pub previously_granted: u32,
    /// `GenericMapping`.
    pub mapping: GenericMapping,
    /// `AccessMode`.
    pub mode: AccessMode,
}

impl AccessRequest {
    /// For user mode, nothing granted before.
    pub const fn user(desired: u32, mapping: GenericMapping) -> Self {
        Self { desired, previously_granted: 0, mapping, mode: AccessMode::User }
    }

    /// The access granted when nothing is checked.
    pub const fn granted_unchecked(&self) -> u32 {
        let desired = self.mapping.map(self.desired);
        let maximum = if desired & rights::MAXIMUM_ALLOWED != 0 { self.mapping.all } else { 0 };
        (desired & !rights::MAXIMUM_ALLOWED) | maximum | self.previously_granted
    }
}

impl SubjectContext {
    /// `SeAccessCheck` for user mode on an object with this DACL and a label
    /// that restricts no token. The level is tested before the DACL is read, so
    /// a client that is too weak never opens anything.
    ///
    /// # Errors
    /// `BAD_IMPERSONATION_LEVEL` or `ACCESS_DENIED`.
    pub fn access_check(&self, acl: &Acl, desired: u32) -> Result<(), Status> {
        self.dacl_check(Some(acl), desired, &GenericMapping::FILE).map(drop)
    }

    /// [`SubjectContext::access_check`] with any mapping and optionally no DACL
    /// at all; returns the access granted.
    pub(crate) fn dacl_check(
        &self,
        acl: Option<&Acl>,
        desired: u32,
        mapping: &GenericMapping,
    ) -> Result<u32, Status> {
        let token = self.judged()?;
        let desired = mapping.map(desired);
        let allowed = allowed_by_dacl(token, None, acl, mapping);
        let wanted = desired & !rights::MAXIMUM_ALLOWED;
        let granted = if wanted == desired { wanted } else { wanted | (allowed & mapping.all) };
        if granted == 0 || wanted & !allowed != 0 { Err(Status::ACCESS_DENIED) } else { Ok(granted) }
    }

    /// `SeAccessCheck`: the access granted, or the access status.
    ///
    /// In this order: kernel mode is granted; without a descriptor nothing is;
    /// a client that is too weak is refused before the DACL is read; then
    /// integrity, DACL and restricting SIDs.
    ///
    /// # Errors
    /// `ACCESS_DENIED`, `BAD_IMPERSONATION_LEVEL`, or `PRIVILEGE_NOT_HELD` for
    /// access to the SACL without its privilege. Access 0 with nothing granted
    /// before is `ACCESS_DENIED`. `NOT_SUPPORTED` for a DACL that the model
    /// cannot evaluate.
    pub fn se_access_check(
        &self,
        descriptor: Option<&SecurityDescriptor>,
        request: &AccessRequest,
    ) -> Result<u32, Status> {
        if request.mode == AccessMode::Kernel {
            return Ok(request.granted_unchecked());
        }
        let descriptor = descriptor.ok_or(Status::ACCESS_DENIED)?;
        let token = self.judged()?;
        if descriptor.unevaluated.is_some() {
            return Err(NOT_SUPPORTED);
        }
        check_token(token, descriptor, request)
    }
}

/// The check for one token, without a test of its level.
pub(crate) fn check_token(
    token: &Token,
    descriptor: &SecurityDescriptor,
    request: &AccessRequest,
) -> Result<u32, Status> {
    let mapping = &request.mapping;
    let mut desired = request.desired;
    let mut granted = request.previously_granted;
    if desired & rights::ACCESS_SYSTEM_SECURITY != 0 {
        if !token.has_privilege(privileges::SECURITY) {
            return Err(Status::PRIVILEGE_NOT_HELD);
        }
        desired &= !rights::ACCESS_SYSTEM_SECURITY;
        granted |= rights::ACCESS_SYSTEM_SECURITY;
    }
    let maximum = desired & rights::MAXIMUM_ALLOWED != 0;
    let wanted = desired & !rights::MAXIMUM_ALLOWED & !granted;
    if wanted != 0 || maximum {
        let mut allowed =
            allowed_by_dacl(token, descriptor.owner.as_ref(), descriptor.dacl.as_ref(), mapping);
        if token.has_privilege(privileges::TAKE_OWNERSHIP) {
            allowed |= rights::WRITE_OWNER;
        }
        allowed &= allowed_by_label(token, descriptor.label.unwrap_or_default(), mapping);
        if wanted & !allowed != 0 {
            return Err(Status::ACCESS_DENIED);
        }
        // Entries may name rights that the type does not have.
        granted |= wanted | if maximum { allowed & mapping.all } else { 0 };
    }
    if granted == 0 { Err(Status::ACCESS_DENIED) } else { Ok(granted) }
}

/// All access that owner, DACL and restricting SIDs together grant a token.
pub(crate) fn allowed_by_dacl(
    token: &Token,
    owner: Option<&Sid>,
    dacl: Option<&Acl>,
    mapping: &GenericMapping,
) -> u32 {
    let first = pass(owner, dacl, mapping, |sid, kind| token.matches(sid, kind));
    let bound = match token.restriction() {
        Restriction::None => return first,
        Restriction::Restricted => u32::MAX,
        Restriction::WriteRestricted => mapping.writes(),
    };
    let second = pass(owner, dacl, mapping, |sid, _| token.restricting().contains(sid));
    first & (second | !bound)
}

/// Evaluates a DACL once: for each right, the first applicable entry that names
/// it decides. No entry can deny what the owner may always do.
fn pass(
    owner: Option<&Sid>,
    dacl: Option<&Acl>,
    mapping: &GenericMapping,
    applies: impl Fn(&Sid, AceKind) -> bool,
) -> u32 {
    let Some(acl) = dacl else { return !(rights::ACCESS_SYSTEM_SECURITY | GenericMapping::GENERIC) };
    let is_owner = owner.is_some_and(|owner| applies(owner, AceKind::Allow));
    let mut granted = if is_owner { rights::READ_CONTROL | rights::WRITE_DAC } else { 0 };
    let mut denied = 0;
    for ace in acl.0.iter().filter(|ace| applies(&ace.sid, ace.kind)) {
        let mask = mapping.map(ace.mask);
        match ace.kind {
            AceKind::Allow => granted |= mask & !denied,
            AceKind::Deny => denied |= mask & !granted,
        }
    }
    granted
}

/// The rights that the mandatory label does not remove.
fn allowed_by_label(token: &Token, label: MandatoryLabel, mapping: &GenericMapping) -> u32 {
    if !token.is_mandatory() || token.integrity() >= label.integrity {
        return u32::MAX;
    }
    let read = if label.no_read_up { 0 } else { mapping.read };
    let write = if label.no_write_up { 0 } else { mapping.write };
    let execute = if label.no_execute_up { 0 } else { mapping.execute };
    read | write | execute
}
