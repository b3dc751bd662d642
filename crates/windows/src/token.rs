//! Tokens by their handles.
#![allow(unsafe_code)] // native calls

use crate::answer::{Answer, Class, is_unknown_class};
use crate::descriptor::Descriptor;
use crate::error::checked;
use crate::information::{Information, Origin};
use crate::sid::{pointer, split};
pub use crate::values::{ADJUST_DEFAULT, ALL_ACCESS, Filter, QUERY, QUERY_SOURCE};
use crate::{ntdll, structure};
use psimp_nt::{Level, Sid, Status, TokenType};
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{
    NtAdjustPrivilegesToken, NtDuplicateToken, NtFilterToken, NtOpenProcessToken, NtOpenThreadToken,
    NtPrivilegeCheck, NtQueryInformationToken, NtSetInformationToken,
};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Security::{
    GENERIC_MAPPING, LUID_AND_ATTRIBUTES, PRIVILEGE_SET, SE_PRIVILEGE_ENABLED, SECURITY_QUALITY_OF_SERVICE,
    SID_AND_ATTRIBUTES, TOKEN_DEFAULT_DACL, TOKEN_GROUPS, TOKEN_MANDATORY_LABEL, TOKEN_ORIGIN,
    TOKEN_PRIVILEGES, TokenDefaultDacl, TokenIntegrityLevel, TokenOrigin, TokenSessionId,
};

/// Not all of several privileges could be changed: a success value that is treated as an error here.
const NOT_ALL_ASSIGNED: u32 = 0x106;

const WRITE_RESTRICTED: u32 = 0x8;

/// An open token.
#[derive(Debug)]
pub struct Token(OwnedHandle);

impl Token {
    /// The primary token of a process.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn of_process(process: BorrowedHandle<'_>, access: u32) -> Result<Self, Status> {
        let mut token = std::ptr::null_mut();
        // SAFETY: the kernel checks the handle, and the place for the new one is borrowed for the call.
        checked(unsafe { NtOpenProcessToken(process.as_raw_handle(), access, &raw mut token) })?;
        // SAFETY: the handle is from that call, which succeeded.
        Ok(unsafe { Self::own(token) })
    }

    /// The token that a thread impersonates. With `as_self`, access is checked for the process, not for the
    /// calling thread.
    ///
    /// # Errors
    /// The error that Windows returns: `STATUS_NO_TOKEN` for a thread that does not impersonate.
    pub fn of_thread(thread: BorrowedHandle<'_>, access: u32, as_self: bool) -> Result<Self, Status> {
        let mut token = std::ptr::null_mut();
        // SAFETY: the kernel checks the handle, and the place for the new one is borrowed for the call.
        checked(unsafe { NtOpenThreadToken(thread.as_raw_handle(), access, as_self, &raw mut token) })?;
        // SAFETY: the handle is from that call, which succeeded.
        Ok(unsafe { Self::own(token) })
    }

    /// Another token object with the same contents. The level of an impersonation token may be lowered, not
    /// raised; `level` is passed unchecked.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn duplicate(
        &self,
        access: u32,
        token_type: TokenType,
        level: u32,
        effective_only: bool,
    ) -> Result<Self, Status> {
        let qos = quality_of_service(level, true, false);
        let attributes = OBJECT_ATTRIBUTES {
            Length: structure::length::<OBJECT_ATTRIBUTES>(),
            SecurityQualityOfService: &raw const qos,
            ..OBJECT_ATTRIBUTES::default()
        };
        let mut token = std::ptr::null_mut();
        let token_type = token_type as i32;
        // SAFETY: the kernel checks the handle; attributes and quality of service live until the call returns.
        checked(unsafe {
            NtDuplicateToken(
                self.raw(),
                access,
                &raw const attributes,
                effective_only,
                token_type,
                &raw mut token,
            )
        })?;
        // SAFETY: the handle is from that call, which succeeded.
        Ok(unsafe { Self::own(token) })
    }

    /// Another token object with restrictions.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn filter(&self, filter: &Filter<'_>) -> Result<Self, Status> {
        let flags = if filter.write_restricted { WRITE_RESTRICTED } else { 0 };
        let deleted = Privileges::new(filter.deleted)?;
        let (deny_only, restricting) = (Groups::new(filter.deny_only)?, Groups::new(filter.restricting)?);
        let mut token = std::ptr::null_mut();
        // SAFETY: the kernel checks the handle; each list is null or has as many entries as its count, and its
        // SIDs live as long as the filter.
        checked(unsafe {
            NtFilterToken(
                self.raw(),
                flags,
                deny_only.pointer(),
                deleted.pointer(),
                restricting.pointer(),
                &raw mut token,
            )
        })?;
        // SAFETY: the handle is from that call, which succeeded.
        Ok(unsafe { Self::own(token) })
    }

    /// The properties of the token; the handle needs `TOKEN_QUERY`.
    ///
    /// # Errors
    /// The error that Windows returns for a property that this system has; `STATUS_UNSUCCESSFUL` for an answer that
    /// is not whole.
    pub fn information(&self) -> Result<Information, Status> {
        let statistics = self.query(Class::Statistics)?.statistics();
        let (token_id, authentication_id, token_type, recorded_level) = whole(statistics)?;
        let level = self
            .query(Class::ImpersonationLevel)
            .and_then(|answer| whole(answer.u32(0).and_then(Level::from_raw)));
        let restricting = self.if_known(Class::RestrictedSids, Answer::groups)?.unwrap_or_default();
        let number = |class| self.if_known(class, |answer| answer.u32(0));
        Ok(Information {
            token_id,
            authentication_id,
            token_type,
            level,
            recorded_level,
            user: whole(self.query(Class::User)?.only())?,
            groups: whole(self.query(Class::Groups)?.groups())?,
            privileges: whole(self.query(Class::Privileges)?.privileges())?,
            restricting: restricting.into_iter().map(|group| group.sid).collect(),
            write_restricted: self.if_known(Class::AccessInformation, Answer::write_restricted)?,
            integrity: self.if_known(Class::IntegrityLevel, Answer::integrity)?,
            session: number(Class::SessionId)?,
            elevated: number(Class::Elevation)?.map(|elevated| elevated != 0),
            elevation_type: number(Class::ElevationType)?,
            origin: self.if_known(Class::Origin, |answer| answer.u64(0))?,
            app_container: number(Class::IsAppContainer)?.map(|is| is != 0),
            package: self.package()?,
        })
    }

    /// The package of a token in an `AppContainer`.
    fn package(&self) -> Result<Option<Sid>, Status> {
        let contained = self.if_known(Class::IsAppContainer, |answer| answer.u32(0))?;
        if contained.unwrap_or(0) == 0 {
            return Ok(None);
        }
        self.if_known(Class::AppContainerSid, Answer::only)
    }

    /// A property; `None` where the system does not have its class.
    pub(crate) fn if_known<T>(
        &self,
        class: Class,
        read: impl FnOnce(&Answer) -> Option<T>,
    ) -> Result<Option<T>, Status> {
        match self.query(class) {
            Ok(answer) => whole(read(&answer)).map(Some),
            Err(status) if is_unknown_class(status) => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// Enables or disables a privilege that the token has.
    ///
    /// # Errors
    /// The error that Windows returns: `STATUS_PRIVILEGE_NOT_HELD` if the token does not have it.
    pub fn set_privilege(&self, luid: u64, enabled: bool) -> Result<(), Status> {
        let attributes = if enabled { SE_PRIVILEGE_ENABLED } else { 0 };
        let state = TOKEN_PRIVILEGES {
            PrivilegeCount: 1,
            Privileges: [LUID_AND_ATTRIBUTES { Luid: split(luid), Attributes: attributes }],
        };
        let none = std::ptr::null_mut();
        // SAFETY: the kernel checks the handle, the list holds as many entries as its count, one, and nothing is
        // asked back.
        let status =
            unsafe { NtAdjustPrivilegesToken(self.raw(), false, &raw const state, 0, none, none.cast()) };
        if status.cast_unsigned() == NOT_ALL_ASSIGNED {
            Err(Status::PRIVILEGE_NOT_HELD)
        } else {
            checked(status)
        }
    }

    /// Lowers the integrity level, given as the last sub-authority of its SID.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn set_integrity(&self, integrity: u32) -> Result<(), Status> {
        let sid = Sid::new(16, &[integrity]);
        let label =
            TOKEN_MANDATORY_LABEL { Label: SID_AND_ATTRIBUTES { Sid: pointer(&sid), Attributes: 0x20 } };
        let (label, length) = structure::information(&label);
        // SAFETY: the kernel checks the handle and copies the label, whose SID lives until then.
        checked(unsafe { NtSetInformationToken(self.raw(), TokenIntegrityLevel, label, length) })
    }

    /// Sets the DACL of objects that are created with this token and have no descriptor of their own: it grants
    /// everything to these SIDs.
    ///
    /// # Errors
    /// The error that Windows returns; `INVALID_SECURITY_DESCR` for more SIDs than a DACL can have.
    pub fn set_default_dacl(&self, granted: &[Sid]) -> Result<(), Status> {
        let owner = granted.first().ok_or(Status::INVALID_PARAMETER)?;
        let descriptor = Descriptor::self_relative(owner, Some(granted), false);
        let descriptor = descriptor.map_err(|_| Status::INVALID_SECURITY_DESCR)?;
        let default = TOKEN_DEFAULT_DACL { DefaultDacl: descriptor.dacl().cast() };
        let (default, length) = structure::information(&default);
        // SAFETY: the kernel checks the handle and copies the list, which lives until then.
        checked(unsafe { NtSetInformationToken(self.raw(), TokenDefaultDacl, default, length) })
    }

    /// Moves the token to a terminal services session.
    ///
    /// # Errors
    /// The error that Windows returns: `STATUS_PRIVILEGE_NOT_HELD` without `SeTcbPrivilege`.
    pub fn set_session(&self, session: u32) -> Result<(), Status> {
        let (session, length) = structure::information(&session);
        // SAFETY: the kernel checks the handle and copies the number.
        checked(unsafe { NtSetInformationToken(self.raw(), TokenSessionId, session, length) })
    }

    /// Sets the logon session that the token was logged on from. The kernel may keep the existing value, which
    /// the token's information shows.
    ///
    /// # Errors
    /// The error that Windows returns: `STATUS_PRIVILEGE_NOT_HELD` without `SeTcbPrivilege`.
    pub fn set_origin(&self, session: u64) -> Result<(), Status> {
        let origin = TOKEN_ORIGIN { OriginatingLogonSession: split(session) };
        let (origin, length) = structure::information(&origin);
        // SAFETY: the kernel checks the handle and copies the LUID.
        checked(unsafe { NtSetInformationToken(self.raw(), TokenOrigin, origin, length) })
    }

    /// Where the token comes from, which its copies share; the handle needs `TOKEN_QUERY_SOURCE` too.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn origin(&self) -> Result<Origin, Status> {
        let statistics = self.query(Class::Statistics)?;
        let number = |class| self.if_known(class, |answer| answer.u32(0));
        Ok(Origin {
            session: number(Class::SessionId)?,
            source: self.if_known(Class::Source, |answer| answer.u64(0).zip(answer.u64(8)))?,
            authentication_id: whole(statistics.u64(8))?,
            origin: self.if_known(Class::Origin, |answer| answer.u64(0))?,
            modified_id: whole(statistics.u64(48))?,
        })
    }

    /// A primary token of the same logon in an `AppContainer` of this package, at low integrity and without capabilities.
    ///
    /// # Errors
    /// The error that Windows returns; `STATUS_NOT_IMPLEMENTED` before Windows 8.
    pub fn in_app_container(&self, package: &Sid) -> Result<Self, Status> {
        let token = ntdll::create_low_box(self.raw(), ALL_ACCESS, package)?;
        // SAFETY: the handle is from that call, which succeeded.
        Ok(unsafe { Self::own(token) })
    }

    /// The other token of a UAC logon: a primary token for a caller with `SeTcbPrivilege`, else one at Identification.
    ///
    /// # Errors
    /// The error that Windows returns: `STATUS_NO_SUCH_LOGON_SESSION` for a logon that was not split.
    pub fn linked(&self) -> Result<Self, Status> {
        let handle = whole(self.query(Class::LinkedToken)?.u64(0))?;
        let handle = std::ptr::without_provenance_mut(usize::try_from(handle).unwrap_or(0));
        // SAFETY: the query succeeded, which opens a handle for its caller.
        Ok(unsafe { Self::own(handle) })
    }

    /// `NtPrivilegeCheck`: whether the token holds the privilege and it is enabled.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn holds(&self, luid: u64) -> Result<bool, Status> {
        let mut set = PRIVILEGE_SET {
            PrivilegeCount: 1,
            Control: 1,
            Privilege: [LUID_AND_ATTRIBUTES { Luid: split(luid), Attributes: 0 }],
        };
        let mut held = false;
        // SAFETY: the kernel checks the handle; the set holds as many entries as its count, one.
        checked(unsafe { NtPrivilegeCheck(self.raw(), &raw mut set, &raw mut held) })?;
        Ok(held)
    }

    /// `NtAccessCheck`: the access that a descriptor grants this token.
    ///
    /// # Errors
    /// The error that Windows returns for the token; the access status is part of the result.
    pub fn access_check(&self, descriptor: &Descriptor, desired: u32) -> Result<Status, Status> {
        let mapping = GENERIC_MAPPING {
            GenericRead: desired,
            GenericWrite: desired,
            GenericExecute: desired,
            GenericAll: 0x1F_FFFF,
        };
        let (_, status) = ntdll::access_check(descriptor.pointer(), self.raw(), desired, &mapping)?;
        Ok(status)
    }

    pub(crate) fn query(&self, class: Class) -> Result<Answer, Status> {
        // Any other length than its only one may be refused; the lists of most tokens fit into this one.
        const LIST: usize = 256;
        let mut size = class.fixed_length().unwrap_or(LIST);
        loop {
            let mut words = vec![0_u64; size.div_ceil(8)];
            let length = u32::try_from(size).unwrap_or(u32::MAX);
            let mut needed = 0;
            // SAFETY: the kernel checks the handle, and the buffer has at least the given length.
            let status = unsafe {
                NtQueryInformationToken(
                    self.raw(),
                    class as i32,
                    words.as_mut_ptr().cast(),
                    length,
                    &raw mut needed,
                )
            };
            let needed = usize::try_from(needed).unwrap_or(0);
            match checked(status) {
                Ok(()) => return Ok(Answer { words, length: needed }),
                Err(Status::BUFFER_TOO_SMALL) if needed > size => size = needed,
                Err(status) => return Err(status),
            }
        }
    }

    /// The handle as a number, for calls that take its bytes.
    pub fn number(&self) -> u64 {
        self.raw().addr() as u64
    }

    fn raw(&self) -> HANDLE {
        self.0.as_raw_handle()
    }

    /// The token of a handle.
    ///
    /// # Safety
    /// The handle is open, and no other code closes it.
    unsafe fn own(handle: HANDLE) -> Self {
        // SAFETY: as the caller promises.
        Self(unsafe { OwnedHandle::from_raw_handle(handle) })
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

/// What an answer has; one that is not whole is an error.
fn whole<T>(read: Option<T>) -> Result<T, Status> {
    read.ok_or(Status::UNSUCCESSFUL)
}

/// A quality of service. The level is passed unchecked.
pub(crate) fn quality_of_service(
    level: u32,
    dynamic: bool,
    effective_only: bool,
) -> SECURITY_QUALITY_OF_SERVICE {
    SECURITY_QUALITY_OF_SERVICE {
        Length: structure::length::<SECURITY_QUALITY_OF_SERVICE>(),
        ImpersonationLevel: level.cast_signed(),
        ContextTrackingMode: u8::from(dynamic),
        EffectiveOnly: effective_only,
    }
}

/// The maximum length of a list.
const MOST: usize = 128;

/// `TOKEN_PRIVILEGES` of several privileges.
#[repr(C)]
struct Privileges {
    count: u32,
    entries: [LUID_AND_ATTRIBUTES; MOST],
}

impl Privileges {
    fn new(luids: &[u64]) -> Result<Self, Status> {
        let mut privileges = Self { count: 0, entries: [LUID_AND_ATTRIBUTES::default(); MOST] };
        for luid in luids {
            let index = usize::try_from(privileges.count).unwrap_or(MOST);
            let entry = privileges.entries.get_mut(index).ok_or(Status::INVALID_PARAMETER)?;
            entry.Luid = split(*luid);
            privileges.count += 1;
        }
        Ok(privileges)
    }

    /// An empty list is passed as null.
    fn pointer(&self) -> *const TOKEN_PRIVILEGES {
        if self.count == 0 { std::ptr::null() } else { (&raw const *self).cast() }
    }
}

/// `TOKEN_GROUPS` of several SIDs.
#[repr(C)]
struct Groups {
    count: u32,
    entries: [SID_AND_ATTRIBUTES; MOST],
}

impl Groups {
    /// A list that points to these SIDs.
    fn new(sids: &[Sid]) -> Result<Self, Status> {
        let mut groups = Self { count: 0, entries: [SID_AND_ATTRIBUTES::default(); MOST] };
        for sid in sids {
            let index = usize::try_from(groups.count).unwrap_or(MOST);
            let entry = groups.entries.get_mut(index).ok_or(Status::INVALID_PARAMETER)?;
            entry.Sid = pointer(sid);
            groups.count += 1;
        }
        Ok(groups)
    }

    /// An empty list is passed as null.
    fn pointer(&self) -> *const TOKEN_GROUPS {
        if self.count == 0 { std::ptr::null() } else { (&raw const *self).cast() }
    }
}
