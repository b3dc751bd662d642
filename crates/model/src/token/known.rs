//! Well-known privileges and SIDs.

/// Privileges by their LUID.
pub mod privileges {
    /// `SeAssignPrimaryTokenPrivilege`: processes with any token.
    pub const ASSIGN_PRIMARY_TOKEN: u32 = 3;
    /// `SeTcbPrivilege`: to act as part of the operating system.
    pub const TCB: u32 = 7;
    /// `SeSecurityPrivilege`: access to the SACL of an object.
    pub const SECURITY: u32 = 8;
    /// `SeTakeOwnershipPrivilege`.
    pub const TAKE_OWNERSHIP: u32 = 9;
    /// `SeChangeNotifyPrivilege`, which every user has.
    pub const CHANGE_NOTIFY: u32 = 23;
    /// `SeRestorePrivilege`: gives objects to other owners.
    pub const RESTORE: u32 = 18;
    /// `SeDebugPrivilege`: opens every process and thread.
    pub const DEBUG: u32 = 20;
    /// `SeImpersonatePrivilege`.
    pub const IMPERSONATE: u32 = 29;
    /// `SeTimeZonePrivilege`: harmless, and disabled by default.
    pub const TIME_ZONE: u32 = 34;
}

/// Well-known SIDs beyond those of the rules.
pub mod sids {
    use psimp_nt::Sid;
    /// S-1-5-18, the operating system itself.
    pub const LOCAL_SYSTEM: Sid = Sid::new(5, &[18]);
    /// S-1-5-32-544, the local administrators.
    pub const ADMINISTRATORS: Sid = Sid::new(5, &[32, 544]);
    /// S-1-5-11, authenticated users.
    pub const AUTHENTICATED_USERS: Sid = Sid::new(5, &[11]);
    /// S-1-5-12, restricted code.
    pub const RESTRICTED: Sid = Sid::new(5, &[12]);
    /// S-1-5-33, write-restricted code.
    pub const WRITE_RESTRICTED: Sid = Sid::new(5, &[33]);
}
