//! The kernel functions that the service needs.

use crate::{Connection, Qos, SaveTable, Slot};
use psimp_nt::{Level, Luid, Sid, Status, TokenType};
use psimp_protocol::ConnectionId;

/// Access rights that the service asks for, as the kernel headers and `winnt.h`
/// number them.
pub mod rights {
    /// Use a token as an impersonation token.
    pub const TOKEN_IMPERSONATE: u32 = 0x0004;
    /// Duplicate a token.
    pub const TOKEN_DUPLICATE: u32 = 0x0002;
    /// Read a token.
    pub const TOKEN_QUERY: u32 = 0x0008;
    /// Set a thread's impersonation token.
    pub const THREAD_SET_THREAD_TOKEN: u32 = 0x0080;
    /// Make a thread impersonate.
    pub const THREAD_IMPERSONATE: u32 = 0x0100;
    /// Query a thread; since Windows Vista this includes the next one.
    pub const THREAD_QUERY_INFORMATION: u32 = 0x0040;
    /// Query a little of a thread. Kernels before Windows Vista do not have it.
    pub const THREAD_QUERY_LIMITED_INFORMATION: u32 = 0x0800;
}

/// The kernel below the service.
///
/// Every method is called at `PASSIVE_LEVEL` in the context of the thread that
/// sent the request. Every value of an associated type owns one reference on
/// its object and releases it on drop, except that a thread returned by
/// [`Kernel::current_thread`] needs none: a thread outlives its own call.
pub trait Kernel {
    /// A referenced thread.
    type Thread;
    /// A token referenced through a handle, or a copy made of one.
    type HandleToken: Token;
    /// The primary token of a process.
    type PrimaryToken: Token;
    /// The token of a thread's slot; a clone takes a reference of its own.
    type SlotToken: Token + Clone;
    /// A client that is served: what `SeCreateClientSecurity` made of it.
    type Client;

    /// The calling thread.
    fn current_thread(&self) -> Self::Thread;

    /// The thread behind a handle of the caller, opened once with `access`.
    ///
    /// # Errors
    /// What `ObReferenceObjectByHandle` returns for user mode.
    fn open_thread(&self, handle: u64, access: u32) -> Result<Self::Thread, Status>;

    /// Whether the thread belongs to the process of the calling thread.
    fn in_callers_process(&self, thread: &Self::Thread) -> bool;

    /// Whether the thread has begun to exit.
    fn is_terminating(&self, thread: &Self::Thread) -> bool;

    /// The token behind a handle of the caller, opened once with `access`, and
    /// all the access that the handle grants.
    ///
    /// # Errors
    /// What `ObReferenceObjectByHandle` returns for user mode.
    fn open_token(&self, handle: u64, access: u32) -> Result<(Self::HandleToken, u32), Status>;

    /// The primary token of the process that owns the thread
    /// (`PsReferencePrimaryToken`).
    fn primary_token(&self, thread: &Self::Thread) -> Self::PrimaryToken;

    /// What the thread's slot holds (`PsReferenceImpersonationToken`).
    fn slot(&self, thread: &Self::Thread) -> Option<Slot<Self::SlotToken>>;

    /// Whether both refer to the same token object.
    fn is_same(&self, stored: &Self::SlotToken, token: TokenRef<'_, Self>) -> bool;

    /// An impersonation-type copy of `token` at `level`, nothing left out. Its security
    /// descriptor comes from the primary token of the calling process, also while
    /// the calling thread impersonates.
    ///
    /// # Errors
    /// What duplication fails with; `token` is unchanged.
    fn duplicate(&self, token: TokenRef<'_, Self>, level: Level) -> Result<Self::HandleToken, Status>;

    /// `PsImpersonateClient`. The slot takes its own reference.
    ///
    /// # Errors
    /// What the routine returns; the slot is unchanged.
    fn impersonate(
        &self,
        thread: &Self::Thread,
        token: TokenRef<'_, Self>,
        copy_on_open: bool,
        effective_only: bool,
        level: Level,
    ) -> Result<(), Status>;

    /// `PsImpersonateClient` without a token.
    ///
    /// # Errors
    /// What the routine returns; documented kernels have no failure here.
    fn end_impersonation(&self, thread: &Self::Thread) -> Result<(), Status>;

    /// `PsRevertToSelf`: ends the calling thread's impersonation.
    fn revert_to_self(&self);

    /// Works on the saves of the request's file object, under its lock. `work` must not call the
    /// kernel: it returns what it removes or refuses, to be dropped after the lock.
    ///
    /// # Errors
    /// `FILE_CLOSED` when the file object's last handle is closed.
    fn with_saves<R>(&self, work: impl FnOnce(&mut SaveTable<Self::SlotToken>) -> R) -> Result<R, Status>;

    /// The first client with an id above `after` that no file object other than the request's
    /// serves; and whether that one serves it.
    fn next_client(&self, after: ConnectionId) -> Option<(Connection, bool)>;

    /// Gives the client to the file object of the request alone, until either is closed or
    /// [`Kernel::finish_accept`] releases it. Returns what the client allows, and the client with
    /// a reference of its own on its token.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none, or another file object serves it; `FILE_CLOSED` when the
    /// file object's last handle is closed.
    fn accept(&self, id: ConnectionId) -> Result<(Qos, Self::Client), Status>;

    /// Ends a successful [`Kernel::accept`]. `served` is whether the calling thread impersonated
    /// the client; see [`Connection::finish_accept`].
    fn finish_accept(&self, id: ConnectionId, served: bool);

    /// The client's token, or the copy that was made of it when it connected.
    fn client_token<'c>(&self, client: &'c Self::Client) -> &'c Self::HandleToken;

    /// `SeImpersonateClientEx` on the calling thread, at `level`, which is at most the client's.
    ///
    /// # Errors
    /// What the routine returns; the slot is unchanged.
    fn impersonate_client(&self, client: &Self::Client, level: Level) -> Result<(), Status>;

    /// As [`Kernel::access_check`], on a worker thread of the system, which does not impersonate.
    ///
    /// # Errors
    /// Those of the check, and what the work item fails with, for example out of memory.
    fn worker_access_check(&self, descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status>;

    /// `SeAccessCheck` for user mode with the calling thread's subject context
    /// and the generic mapping of files: the access granted, and the access
    /// status.
    ///
    /// # Errors
    /// `INVALID_SECURITY_DESCR` when the bytes form no self-relative descriptor
    /// with an owner and a group.
    fn access_check(&self, descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status>;
}

/// A token to impersonate: one from a handle, or one that was in a slot.
pub enum TokenRef<'a, K: Kernel + ?Sized> {
    /// From a handle.
    Handle(&'a K::HandleToken),
    /// From a slot.
    Slot(&'a K::SlotToken),
}

impl<K: Kernel + ?Sized> Clone for TokenRef<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kernel + ?Sized> Copy for TokenRef<'_, K> {}

impl<K: Kernel + ?Sized> Token for TokenRef<'_, K> {
    fn statistics(&self) -> Result<Statistics, Status> {
        match self {
            Self::Handle(token) => token.statistics(),
            Self::Slot(token) => token.statistics(),
        }
    }

    fn user(&self) -> Result<Sid, Status> {
        match self {
            Self::Handle(token) => token.user(),
            Self::Slot(token) => token.user(),
        }
    }

    fn is_restricted(&self) -> bool {
        match self {
            Self::Handle(token) => token.is_restricted(),
            Self::Slot(token) => token.is_restricted(),
        }
    }
}

/// A token that can be read. It lives as long as the value does.
pub trait Token {
    /// Identity, type and recorded level in one query (`TokenStatistics`).
    ///
    /// # Errors
    /// What the query fails with, for example out of memory.
    fn statistics(&self) -> Result<Statistics, Status>;

    /// The user SID (`TokenUser`).
    ///
    /// # Errors
    /// What the query fails with, for example out of memory.
    fn user(&self) -> Result<Sid, Status>;

    /// `SeTokenIsRestricted`: whether there are restricting SIDs.
    fn is_restricted(&self) -> bool;
}

/// The part of `TOKEN_STATISTICS` that the service reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Identifies the token object.
    pub token_id: Luid,
    /// Its logon session.
    pub authentication_id: Luid,
    /// Primary or impersonation.
    pub token_type: TokenType,
    /// The level recorded in the token.
    pub level: Level,
}
