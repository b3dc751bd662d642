//! Tokens by their handles.

use crate::call;
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle, number};
use crate::inject::Injected;
use crate::object::Descriptor;
use crate::sid::probed;
use psimp_model::{Ace, Acl, GenericMapping, SecurityQos, TokenFilter, TokenInformation, rights};
use psimp_nt::{Sid, Status, TokenType};
use psimp_rules::Family;
use psimp_windows::information::{Group, Information, Origin, Privilege};
pub use psimp_windows::values::{ADJUST_DEFAULT, ALL_ACCESS, Filter, QUERY, QUERY_SOURCE};

/// `STATUS_NO_SUCH_LOGON_SESSION`.
const NO_SUCH_LOGON_SESSION: Status = Status(0xC000_005F);

/// `STATUS_NOT_ALL_ASSIGNED`.
const NOT_ALL_ASSIGNED: Status = Status(0x106);
/// `SE_GROUP_MANDATORY`, `SE_GROUP_ENABLED_BY_DEFAULT` and `SE_GROUP_ENABLED`.
const ENABLED: u32 = 0x7;
/// `SE_GROUP_USE_FOR_DENY_ONLY`.
const DENY_ONLY: u32 = 0x10;

/// An open token.
#[derive(Debug)]
pub struct Token(OwnedHandle);

impl Token {
    /// The primary token of a process.
    ///
    /// # Errors
    /// Those of `NtOpenProcessToken`.
    pub fn of_process(process: BorrowedHandle<'_>, access: u32) -> Result<Self, Status> {
        let call = call::enter();
        let token = call.machine().system.nt_open_process_token(call.thread(), number(process), access)?;
        Ok(Self(OwnedHandle::new(call.process(), token)))
    }

    /// The token that a thread impersonates. With `as_self`, access is checked for the process, not for the
    /// calling thread.
    ///
    /// # Errors
    /// Those of `NtOpenThreadToken`.
    pub fn of_thread(thread: BorrowedHandle<'_>, access: u32, as_self: bool) -> Result<Self, Status> {
        let call = call::enter();
        let system = &call.machine().system;
        let token = system.nt_open_thread_token(call.thread(), number(thread), access, as_self)?;
        Ok(Self(OwnedHandle::new(call.process(), token)))
    }

    /// Another token object with the same contents.
    ///
    /// # Errors
    /// Those of `NtDuplicateToken`.
    pub fn duplicate(
        &self,
        access: u32,
        token_type: TokenType,
        level: u32,
        effective_only: bool,
    ) -> Result<Self, Status> {
        let call = call::enter();
        let qos = SecurityQos { level, tracking: SecurityQos::DYNAMIC, effective_only: false };
        let token = call.machine().system.nt_duplicate_token(
            call.thread(),
            self.number(),
            access,
            token_type,
            Some(&qos),
            effective_only,
        )?;
        Ok(Self(OwnedHandle::new(call.process(), token)))
    }

    /// Another token object with restrictions.
    ///
    /// # Errors
    /// Those of `NtFilterToken`, which probes the SIDs.
    pub fn filter(&self, filter: &Filter<'_>) -> Result<Self, Status> {
        let call = call::enter();
        let injected = call.machine().is_harness(call.process());
        let injected = injected
            .then(|| call.machine().injection.take(&[Injected::NoToken, Injected::WrongToken]))
            .flatten();
        if injected == Some(Injected::NoToken) {
            return Err(Status::INSUFFICIENT_RESOURCES);
        }
        let deleted = if injected.is_some() { &[] } else { filter.deleted };
        let all = |sids: &[Sid]| sids.iter().map(probed).collect::<Result<Vec<_>, _>>();
        let luid = |luid: &u64| u32::try_from(*luid).map_err(|_| Status::INVALID_PARAMETER);
        let filter = TokenFilter {
            disable: all(filter.deny_only)?,
            delete: deleted.iter().map(luid).collect::<Result<_, _>>()?,
            disable_max_privilege: false,
            restrict: all(filter.restricting)?,
            write_restricted: filter.write_restricted,
        };
        let token = call.machine().system.nt_filter_token(call.thread(), self.number(), &filter)?;
        Ok(Self(OwnedHandle::new(call.process(), token)))
    }

    /// The properties of the token; the handle needs `TOKEN_QUERY`.
    ///
    /// # Errors
    /// Those of `NtQueryInformationToken`.
    pub fn information(&self) -> Result<Information, Status> {
        let call = call::enter();
        let told = call.machine().system.nt_query_token(call.thread(), self.number())?;
        let nt52 = call.machine().system.kernel().family() == Family::Nt52;
        Ok(information(&told, nt52))
    }

    /// Enables or disables a privilege that the token has.
    ///
    /// # Errors
    /// `STATUS_PRIVILEGE_NOT_HELD` if the token does not have it; those of the handle.
    pub fn set_privilege(&self, luid: u64, enabled: bool) -> Result<(), Status> {
        let call = call::enter();
        let luid = u32::try_from(luid).map_err(|_| Status::PRIVILEGE_NOT_HELD)?;
        let change = [psimp_model::Privilege { luid, enabled }];
        let set = call.machine().system.nt_adjust_privileges_token(call.thread(), self.number(), &change)?;
        if set == NOT_ALL_ASSIGNED { Err(Status::PRIVILEGE_NOT_HELD) } else { Ok(()) }
    }

    /// Lowers the integrity level, given as the last sub-authority of its SID.
    ///
    /// # Errors
    /// Those of `NtSetInformationToken`, which probes the SID.
    pub fn set_integrity(&self, integrity: u32) -> Result<(), Status> {
        let call = call::enter();
        probed(&Sid::new(16, &[integrity]))?;
        call.machine().system.nt_set_token_integrity(call.thread(), self.number(), integrity)
    }

    /// Sets the DACL of objects that are created with this token: it grants everything to these SIDs.
    ///
    /// # Errors
    /// Those of `NtSetInformationToken`, which probes the SIDs.
    pub fn set_default_dacl(&self, granted: &[Sid]) -> Result<(), Status> {
        let call = call::enter();
        let entries = granted.iter().map(|sid| Ok(Ace::allow(probed(sid)?, rights::GENERIC_ALL)));
        let acl = Acl(entries.collect::<Result<_, Status>>()?);
        call.machine().system.nt_set_token_default_dacl(call.thread(), self.number(), acl)
    }

    /// Moves the token to a terminal services session, which takes `SeTcbPrivilege`: nobody in the rehearsal has it.
    ///
    /// # Errors
    /// `PRIVILEGE_NOT_HELD`.
    pub fn set_session(&self, _session: u32) -> Result<(), Status> {
        let _call = call::enter();
        Err(Status::PRIVILEGE_NOT_HELD)
    }

    /// Where the token comes from, which its copies share; the handle needs `TOKEN_QUERY_SOURCE` too.
    ///
    /// # Errors
    /// Those of the handle.
    pub fn origin(&self) -> Result<Origin, Status> {
        let call = call::enter();
        let told = call.machine().system.nt_query_token(call.thread(), self.number())?;
        let source = told.source.ok();
        Ok(Origin {
            session: Some(told.session),
            source: source.map(|source| (u64::from_le_bytes(source.name), source.identifier.0)),
            authentication_id: told.authentication_id.0,
            origin: Some(told.origin.0),
            modified_id: told.modified_id.0,
        })
    }

    /// A token in an `AppContainer`.
    ///
    /// # Errors
    /// `NOT_IMPLEMENTED`, and the case is skipped.
    pub fn in_app_container(&self, _package: &Sid) -> Result<Self, Status> {
        Err(crate::lacks("NtCreateLowBoxToken"))
    }

    /// The other token of a UAC logon; the harness's was not split.
    ///
    /// # Errors
    /// `STATUS_NO_SUCH_LOGON_SESSION`.
    pub fn linked(&self) -> Result<Self, Status> {
        let _call = call::enter();
        Err(NO_SUCH_LOGON_SESSION)
    }

    /// Sets the logon session that the token was logged on from, which takes `SeTcbPrivilege`: nobody in the rehearsal
    /// has it.
    ///
    /// # Errors
    /// `PRIVILEGE_NOT_HELD`.
    pub fn set_origin(&self, _session: u64) -> Result<(), Status> {
        let _call = call::enter();
        Err(Status::PRIVILEGE_NOT_HELD)
    }

    /// `NtPrivilegeCheck`: whether the token holds the privilege and it is enabled.
    ///
    /// # Errors
    /// Those of the routine.
    pub fn holds(&self, luid: u64) -> Result<bool, Status> {
        let call = call::enter();
        let luid = u32::try_from(luid).map_err(|_| Status::INVALID_PARAMETER)?;
        call.machine().system.nt_privilege_check(call.thread(), self.number(), &[luid], true)
    }

    /// `NtAccessCheck`: the access that a descriptor grants this token.
    ///
    /// # Errors
    /// Those of the routine; the access status is part of the result.
    pub fn access_check(&self, descriptor: &Descriptor, desired: u32) -> Result<Status, Status> {
        let call = call::enter();
        let mapping = GenericMapping { read: desired, write: desired, execute: desired, all: 0x1F_FFFF };
        let (system, bytes) = (&call.machine().system, descriptor.bytes());
        let checked = system.nt_access_check(call.thread(), bytes, self.number(), desired, &mapping)?;
        Ok(checked.status)
    }

    /// The handle as a number, for calls that take its bytes.
    pub fn number(&self) -> u64 {
        self.0.number()
    }
}

/// The properties as Windows tells them. NT 5.2 has no integrity and no elevation.
fn information(told: &TokenInformation, nt52: bool) -> Information {
    let attributes = |group: &psimp_model::Group| match (group.enabled, told.deny_only.contains(&group.sid)) {
        (_, true) => DENY_ONLY,
        (true, false) => ENABLED,
        (false, false) => 0,
    };
    Information {
        token_id: told.token_id.0,
        authentication_id: told.authentication_id.0,
        token_type: told.token_type,
        level: told.level,
        recorded_level: told.recorded_level as u32,
        write_restricted: (!nt52).then_some(told.write_restricted),
        // `TokenElevationTypeDefault`: no logon is split.
        elevation_type: (!nt52).then_some(1),
        app_container: (!nt52).then_some(false),
        package: None,
        user: told.user,
        groups: told
            .groups
            .iter()
            .map(|group| Group { sid: group.sid, attributes: attributes(group) })
            .collect(),
        privileges: told
            .privileges
            .iter()
            .map(|held| Privilege { luid: held.luid.into(), attributes: if held.enabled { 2 } else { 0 } })
            .collect(),
        restricting: told.restricting.clone(),
        integrity: (!nt52).then_some(told.integrity),
        session: Some(told.session),
        elevated: (!nt52).then_some(told.elevated),
        origin: Some(told.origin.0),
    }
}

impl AsHandle for Token {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.0.as_handle()
    }
}

impl From<OwnedHandle> for Token {
    fn from(handle: OwnedHandle) -> Self {
        Self(handle)
    }
}
