//! Values that calls take, the same for every system that carries the calls out.

use psimp_nt::Sid;

/// `TOKEN_ALL_ACCESS`.
pub const ALL_ACCESS: u32 = 0x000F_01FF;
/// `TOKEN_QUERY`.
pub const QUERY: u32 = 0x8;
/// `TOKEN_QUERY_SOURCE`.
pub const QUERY_SOURCE: u32 = 0x10;
/// `TOKEN_ADJUST_DEFAULT`.
pub const ADJUST_DEFAULT: u32 = 0x80;

/// The restrictions that `NtFilterToken` applies.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// Privileges to delete.
    pub deleted: &'a [u64],
    /// `WRITE_RESTRICTED`: the restricting SIDs apply to write access only.
    pub write_restricted: bool,
    /// Groups that become deny-only.
    pub deny_only: &'a [Sid],
    /// Restricting SIDs.
    pub restricting: &'a [Sid],
}

/// The type of a logon; each requires its own right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A network logon.
    Network,
    /// An interactive logon.
    Interactive,
    /// A batch logon.
    Batch,
}

/// The component that waits for a pending request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The I/O manager, on a synchronous handle.
    Kernel,
    /// The caller, on an event: an overlapped handle.
    Caller,
}
