//! The bytes of every request and reply.
//!
//! All integers are little-endian and naturally aligned; `reserved` fields are
//! zero in both directions. Field values of a request are claims.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Input of IMPERSONATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Impersonate {
    /// [`crate::PROTOCOL_VERSION`].
    pub version: u32,
    /// `SECURITY_IMPERSONATION_LEVEL`, 0 to 3, compared unsigned.
    pub level: u32,
    /// Thread handle with `THREAD_SET_THREAD_TOKEN` and `THREAD_IMPERSONATE`,
    /// or 0 for the calling thread.
    pub thread: u64,
    /// Token handle with `TOKEN_IMPERSONATE`; for a primary token also
    /// `TOKEN_DUPLICATE` and `TOKEN_QUERY`.
    pub token: u64,
    /// [`impersonate_flags`].
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

/// Flags of [`Impersonate`].
pub mod impersonate_flags {
    /// An open of the thread's token gets a copy.
    pub const COPY_ON_OPEN: u32 = 1;
    /// Disabled groups and privileges cannot be enabled.
    pub const EFFECTIVE_ONLY: u32 = 2;
    /// Let the kernel decide alone; otherwise the documented rule decides first.
    pub const KERNEL_RULES: u32 = 4;
    /// Every flag there is.
    pub const ALL: u32 = COPY_ON_OPEN | EFFECTIVE_ONLY | KERNEL_RULES;
}

/// Input of QUERY, SAVE and END.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Thread {
    /// [`crate::PROTOCOL_VERSION`].
    pub version: u32,
    /// Zero.
    pub reserved: u32,
    /// Thread handle with `THREAD_QUERY_LIMITED_INFORMATION` (QUERY) or
    /// `THREAD_SET_THREAD_TOKEN` and `THREAD_IMPERSONATE` (END), or 0 for the
    /// calling thread.
    pub thread: u64,
}

/// Input of RESTORE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Restore {
    /// [`crate::PROTOCOL_VERSION`].
    pub version: u32,
    /// Zero.
    pub reserved: u32,
    /// As in [`Impersonate`].
    pub thread: u64,
    /// What SAVE returned, on the same file object.
    pub save: u64,
}

/// Input of DISCARD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Discard {
    /// [`crate::PROTOCOL_VERSION`].
    pub version: u32,
    /// Zero.
    pub reserved: u32,
    /// What SAVE returned, on the same file object.
    pub save: u64,
}

/// Input of `NEXT_CLIENT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NextClient {
    /// [`crate::PROTOCOL_VERSION`].
    pub version: u32,
    /// Zero.
    pub reserved: u32,
    /// The connection that was told of before, 0 for the first. It need not be there any more.
    pub after: u64,
}

/// Input of SERVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Serve {
    /// [`crate::PROTOCOL_VERSION`].
    pub version: u32,
    /// `SECURITY_IMPERSONATION_LEVEL`, 0 to 3, compared unsigned; at most the client's.
    pub level: u32,
    /// [`Connection::id`].
    pub connection: u64,
    /// [`serve_flags`].
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

/// Flags of [`Serve`]. Copy-on-open is always set, and effective-only is the client's to say.
pub mod serve_flags {
    /// Let the kernel decide alone; otherwise the documented rule decides first.
    pub const KERNEL_RULES: u32 = super::impersonate_flags::KERNEL_RULES;
    /// Every flag there is.
    pub const ALL: u32 = KERNEL_RULES;
}

/// Input of `ACCESS_CHECK` and `WORKER_CHECK`; a self-relative security descriptor follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AccessCheck {
    /// [`crate::PROTOCOL_VERSION`].
    pub version: u32,
    /// Access asked for; generic rights are mapped as for files.
    pub desired: u32,
    /// Length of the descriptor in bytes: all that follows, at most
    /// [`MAX_DESCRIPTOR`].
    pub length: u32,
    /// Zero.
    pub reserved: u32,
}

/// Longest security descriptor that `ACCESS_CHECK` and `WORKER_CHECK` take, in bytes.
pub const MAX_DESCRIPTOR: usize = 0x1_0000;

/// Output of VERSION.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Version {
    /// [`crate::PROTOCOL_VERSION`] of the driver.
    pub protocol: u32,
    /// Driver version, one number a part.
    pub driver: [u16; 3],
    /// Zero.
    pub reserved: u16,
    /// Saves that a file object can hold at one time.
    pub max_saves: u32,
    /// First 16 hexadecimal digits of the source revision, zeros if unknown.
    pub build_id: [u8; 16],
}

/// Output of QUERY; of REVERT and END the slot as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Slot {
    /// [`slot_flags`]; zero, like every other field, when the thread does not
    /// impersonate.
    pub flags: u32,
    /// Level of the slot.
    pub level: u32,
    /// `TOKEN_TYPE` of the token object: 1 primary, 2 impersonation.
    pub token_type: u32,
    /// Level recorded in the token object.
    pub own_level: u32,
    /// `TokenId` of the token object.
    pub token_id: u64,
    /// Its logon session.
    pub authentication_id: u64,
    /// Length of `user` in bytes.
    pub user_length: u32,
    /// Its user SID, zero-filled.
    pub user: [u8; 68],
}

/// Flags of [`Slot`].
pub mod slot_flags {
    /// The thread impersonates.
    pub const ACTIVE: u32 = 1;
    /// An open of the token gets a copy.
    pub const COPY_ON_OPEN: u32 = 2;
    /// Disabled groups and privileges cannot be enabled.
    pub const EFFECTIVE_ONLY: u32 = 4;
    /// The token has restricting SIDs.
    pub const RESTRICTED: u32 = 8;
    /// The token could not be read (no memory): its fields are zero. In replies
    /// of IMPERSONATE, REVERT and END, whose change is done by then.
    pub const UNREAD: u32 = 16;
}

/// Output of SAVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Saved {
    /// Names the save in RESTORE and DISCARD. Never used again for another.
    pub save: u64,
    /// What was saved.
    pub slot: Slot,
}

/// Output of `ACCESS_CHECK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Access {
    /// Access granted; zero when it was not.
    pub granted: u32,
    /// `AccessStatus` of `SeAccessCheck`.
    pub status: u32,
}

/// Output of `WORKER_CHECK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WorkerAccess {
    /// What the calling thread may, as it now is.
    pub caller: Access,
    /// What a thread of the system may that impersonates nobody.
    pub worker: Access,
}

/// Output of `NEXT_CLIENT`: a client, and what it allows a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Connection {
    /// Names the connection in SERVE. Never used again for another.
    pub id: u64,
    /// Process id of the client.
    pub process: u32,
    /// The level that it allows.
    pub level: u32,
    /// [`connection_flags`].
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

/// Flags of [`Connection`].
pub mod connection_flags {
    /// Dynamic tracking: the client's own token, as it is when it is used.
    pub const DYNAMIC: u32 = 1;
    /// Disabled groups and privileges cannot be enabled.
    pub const EFFECTIVE_ONLY: u32 = 2;
    /// The server that asks serves it; otherwise it waits for one.
    pub const SERVED: u32 = 4;
}

/// Output of EVALUATE: what the documented rule decides, nothing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Evaluation {
    /// [`verdict`].
    pub verdict: u32,
    /// The level that would be stored.
    pub level: u32,
    /// Number of the deciding `psimp_rules::Rule`.
    pub rule: u32,
    /// How many of `trace` were tried.
    pub steps: u32,
    /// The rules in the order they were tried; zeros after the last.
    pub trace: [TraceStep; 16],
}

/// A rule that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TraceStep {
    /// Number of the `psimp_rules::Rule`.
    pub rule: u16,
    /// [`effect`].
    pub effect: u16,
}

/// Values of [`TraceStep::effect`].
pub mod effect {
    /// The rule did not apply.
    pub const PASS: u16 = 1;
    /// It keeps the token.
    pub const KEEP: u16 = 2;
    /// It objects.
    pub const DENY: u16 = 3;
}

/// Output of IMPERSONATE, RESTORE and SERVE: the slot as it was read back, and who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Outcome {
    /// What the kernel routine returned; a failure fails the IOCTL instead.
    pub status: u32,
    /// The level asked for.
    pub level_asked: u32,
    /// The level read back from the slot.
    pub level_stored: u32,
    /// [`verdict`].
    pub verdict: u32,
    /// Number of the deciding `psimp_rules::Rule`, 0 when the kernel decided
    /// and does not say.
    pub rule: u32,
    /// [`decided_by`].
    pub decided_by: u32,
    /// [`slot_flags`] as read back: active, copy-on-open, effective-only.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
    /// `TokenId` of the token behind the handle.
    pub token_asked: u64,
    /// `TokenId` of the token in the slot.
    pub token_stored: u64,
    /// Logon session of the token in the slot.
    pub authentication_id: u64,
}

/// Values of [`Outcome::verdict`].
pub mod verdict {
    /// Nothing is in the slot: what was restored was an idle thread, or another
    /// thread ended the impersonation before it could be read back.
    pub const ENDED: u32 = 0;
    /// The token itself is in the slot.
    pub const KEPT: u32 = 1;
    /// A copy is in the slot.
    pub const COPIED: u32 = 2;
}

/// Values of [`Outcome::decided_by`].
pub mod decided_by {
    /// The documented rule, in the driver.
    pub const DRIVER: u32 = 1;
    /// `PsImpersonateClient` itself.
    pub const KERNEL: u32 = 2;
}

/// Length of the longest reply, in bytes.
pub const MAX_REPLY: usize = size_of::<Saved>();

// The contract, byte for byte: a change here is a new protocol version.
const _: () = assert!(size_of::<Impersonate>() == 32);
const _: () = assert!(size_of::<Thread>() == 16);
const _: () = assert!(size_of::<Version>() == 32);
const _: () = assert!(size_of::<Slot>() == 104);
const _: () = assert!(size_of::<Outcome>() == 56);
const _: () = assert!(size_of::<Restore>() == 24);
const _: () = assert!(size_of::<Discard>() == 16);
const _: () = assert!(size_of::<AccessCheck>() == 16);
const _: () = assert!(size_of::<Saved>() == 112);
const _: () = assert!(size_of::<Access>() == 8);
const _: () = assert!(size_of::<Evaluation>() == 80);
const _: () = assert!(size_of::<NextClient>() == 16);
const _: () = assert!(size_of::<Serve>() == 24);
const _: () = assert!(size_of::<Connection>() == 24);
const _: () = assert!(size_of::<WorkerAccess>() == 16);
const _: () = assert!(MAX_REPLY >= size_of::<Evaluation>());
