//! Access rights that the cases name.

/// `FILE_READ_DATA`.
pub(crate) const FILE_READ_DATA: u32 = 0x1;
/// `FILE_WRITE_DATA`.
pub(crate) const FILE_WRITE_DATA: u32 = 0x2;
/// `GENERIC_ALL`.
pub(crate) const GENERIC_ALL: u32 = 0x1000_0000;
/// `GENERIC_READ`.
pub(crate) const GENERIC_READ: u32 = 0x8000_0000;
/// `TOKEN_ASSIGN_PRIMARY`.
pub(crate) const TOKEN_ASSIGN_PRIMARY: u32 = 0x1;
/// `TOKEN_DUPLICATE`.
pub(crate) const TOKEN_DUPLICATE: u32 = 0x2;
/// `TOKEN_IMPERSONATE`.
pub(crate) const TOKEN_IMPERSONATE: u32 = 0x4;
/// `TOKEN_QUERY`.
pub(crate) const TOKEN_QUERY: u32 = 0x8;
/// `TOKEN_ADJUST_PRIVILEGES`.
pub(crate) const TOKEN_ADJUST_PRIVILEGES: u32 = 0x20;
/// `TOKEN_ALL_ACCESS`.
pub(crate) const TOKEN_ALL_ACCESS: u32 = 0x000F_01FF;
/// `THREAD_QUERY_INFORMATION`.
pub(crate) const THREAD_QUERY_INFORMATION: u32 = 0x40;
/// `THREAD_SET_THREAD_TOKEN`.
pub(crate) const THREAD_SET_THREAD_TOKEN: u32 = 0x80;
/// `THREAD_IMPERSONATE`.
pub(crate) const THREAD_IMPERSONATE: u32 = 0x100;
/// `THREAD_DIRECT_IMPERSONATION`.
pub(crate) const THREAD_DIRECT_IMPERSONATION: u32 = 0x200;
/// `THREAD_QUERY_LIMITED_INFORMATION`.
pub(crate) const THREAD_QUERY_LIMITED_INFORMATION: u32 = 0x800;
/// `THREAD_ALL_ACCESS`.
pub(crate) const THREAD_ALL_ACCESS: u32 = 0x001F_FFFF;
