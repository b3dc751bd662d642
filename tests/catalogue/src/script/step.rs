//! The steps of a script.

use super::{ByKernel, State, Who};
use crate::{ClientToken, Logon, ServerToken, User};
use psimp_nt::{Sid, Status, TokenType};
use psimp_rules::Family;

/// A call or a check. Only used in statics, so its size does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// `PsImpersonateClient` with a token; the driver's IMPERSONATE.
    Impersonate {
        /// The token.
        token: ClientToken,
        /// Copy-on-open.
        copy_on_open: bool,
        /// Effective-only.
        effective_only: bool,
        /// Level, as the caller passes it.
        level: u32,
        /// The expected status.
        status: Status,
    },
    /// `PsImpersonateClient` without a token and with these other parameters,
    /// which are ignored; the driver's END.
    End {
        /// Copy-on-open.
        copy_on_open: bool,
        /// Effective-only.
        effective_only: bool,
        /// Level.
        level: u32,
    },
    /// `PsRevertToSelf`; the driver's REVERT.
    Revert,
    /// `PsDereferenceImpersonationToken(NULL)`.
    DereferenceNull,
    /// `PsReferenceEffectiveToken`, on the model only: what it returns.
    EffectiveToken {
        /// The token, `None` for the process's primary token.
        token: Option<ClientToken>,
        /// The type it reports.
        token_type: TokenType,
        /// Effective-only.
        effective_only: bool,
        /// The level; `None` when the out parameter is left unwritten.
        level: Option<u32>,
    },
    /// The privilege `SeImpersonate` of the server's primary token is disabled.
    DisablePrivilege,
    /// The server's primary token is replaced.
    BecomeServer(ServerToken),
    /// The thread attaches to another process, whose primary token is this.
    Attach(ServerToken),
    /// It detaches.
    Detach,
    /// The slot is kept under this number: a reference and the slot's values;
    /// the driver's SAVE.
    Save(usize),
    /// As many SAVEs as this, kept under no number.
    SaveMany(usize),
    /// A SAVE that the driver refuses.
    SaveRefused(Status),
    /// The kept slot is assigned again; the driver's RESTORE, with the expected status.
    Restore(usize, Status),
    /// RESTORE of an id that no save has.
    RestoreId(u64, Status),
    /// RESTORE through another open of the device.
    RestoreOnOtherFile(usize, Status),
    /// The kept slot is dropped; the driver's DISCARD, with the expected status.
    Discard(usize, Status),
    /// `PsDisableImpersonation`, kept under this number.
    Disable(usize),
    /// `PsRestoreImpersonation` of it.
    RestoreDisabled(usize),
    /// System calls of a program.
    Program(Program),
    /// Access and privilege checks.
    Judge(Judge),
    /// Client security contexts.
    Context(Context),
    /// Connections through the driver.
    Broker(Broker),
    /// Injected failures.
    Memory(Memory),
    /// Lifetimes.
    Object(Object),
    /// These steps, this many times.
    Repeat(u32, &'static [Step]),
    /// Calls of another thread, made on its own thread of the operating system.
    On(Who, &'static [Step]),
    /// Calls of this thread about another one, which is passed to routines that take
    /// a thread, and to the driver as a handle.
    Toward(Who, &'static [Step]),
    /// Steps of another thread during the next duplication of a token: a race
    /// with a fixed order.
    Meanwhile(Who, &'static [Step]),
    /// Steps for the raw routines alone.
    OnlyKernel(&'static [Step]),
    /// Steps for the driver alone.
    OnlyDriver(&'static [Step]),
    /// Steps for the kernels of these families alone.
    OnKernels(&'static [Family], &'static [Step]),
    /// Steps where the documented downgrades apply: on a kernel that follows the
    /// documentation, and through the driver with documented rules on any.
    WhereDocumented(&'static [Step]),
    /// Steps where they do not.
    WhereNotDocumented(&'static [Step]),
    /// Checks the state of the thread.
    Check(ByKernel<State>),
}

impl Step {
    /// Whether it saves a slot or uses a saved one, as SAVE, RESTORE and DISCARD do.
    pub fn is_about_saves(&self) -> bool {
        matches!(
            self,
            Self::Save(_)
                | Self::SaveMany(_)
                | Self::SaveRefused(_)
                | Self::Restore(..)
                | Self::RestoreId(..)
                | Self::RestoreOnOtherFile(..)
                | Self::Discard(..)
        )
    }
}

/// System calls of a program. Numbers name handles that the script keeps;
/// [`Program::SELF`] is the calling thread's pseudo-handle.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// A handle to a thread.
    ThreadHandle(usize, Who, u32),
    /// A handle to a token.
    TokenHandle(usize, ClientToken, u32),
    /// A handle to an object that this thread opens, with the access.
    Open(usize, Securable, u32),
    /// The access that a handle grants.
    Grants(usize, u32),
    /// Closes a handle.
    Close(usize),
    /// `OpenThreadToken` on the calling thread, with the result in the notation
    /// of [`State::open`].
    OpenOwn {
        /// `OpenAsSelf`.
        as_self: bool,
        /// The expected result.
        expected: ByKernel<&'static str>,
    },
    /// `OpenProcessToken` of the calling thread's own process.
    OpenProcess {
        /// The requested access.
        desired: u32,
        /// The number of the new handle.
        keep: usize,
        /// The expected status.
        status: Status,
    },
    /// `OpenThreadToken` through a thread handle.
    OpenToken {
        /// The handle of the thread.
        thread: usize,
        /// The requested access.
        desired: u32,
        /// `OpenAsSelf`.
        as_self: bool,
        /// The number of the new handle.
        keep: usize,
        /// The expected status.
        status: Status,
    },
    /// `SetThreadToken` with no token on the calling thread.
    SetThreadTokenNull,
    /// `SetThreadToken` through two handles.
    SetThreadToken {
        /// The thread.
        thread: usize,
        /// The token.
        token: usize,
        /// The expected status.
        status: Status,
    },
    /// `NtSetInformationThread(ThreadImpersonationToken)` on the calling thread
    /// with this handle, of which this many bytes are passed.
    SetInformation {
        /// The token.
        token: usize,
        /// Bytes.
        length: usize,
        /// The expected status.
        status: Status,
    },
    /// `DuplicateTokenEx` to an impersonation token of this level; the copy is
    /// closed again.
    Duplicate {
        /// The token.
        token: usize,
        /// The requested level.
        level: u32,
        /// The expected status.
        status: Status,
    },
    /// `DuplicateTokenEx` to a primary token; the copy is closed again.
    MakePrimary {
        /// The token.
        token: usize,
        /// The expected status.
        status: Status,
    },
    /// `CreateProcessAsUser` with a token.
    CreateProcessAsUser {
        /// The token.
        token: usize,
        /// The user of the new process, or the status of the refusal.
        runs_as: Result<User, Status>,
    },
    /// `CreateRestrictedToken` of a token, with the restricted-code SID.
    Restrict {
        /// The token.
        token: usize,
        /// The number of the new handle.
        keep: usize,
    },
    /// What a query of a token handle returns: its user, its integrity, and the group and the
    /// privilege that fixtures have disabled.
    Tells {
        /// The token.
        token: usize,
        /// Its user.
        user: User,
        /// Its integrity level.
        integrity: u32,
    },
    /// The privilege that fixtures have disabled is enabled through a handle.
    EnableDisabled(usize),
    /// `NtImpersonateThread` with dynamic tracking.
    ImpersonateThread {
        /// The server thread.
        server: usize,
        /// The client thread.
        client: usize,
        /// The requested level.
        level: u32,
        /// The expected status.
        status: Status,
    },
    /// `ImpersonateSelf` at a level.
    ImpersonateSelf(u32),
    /// `ImpersonateAnonymousToken` on the calling thread; the expected status.
    ImpersonateAnonymous(Status),
    /// A process created now runs as this user.
    ChildRunsAs(User),
    /// A thread created now does not impersonate.
    NewThreadIsIdle,
    /// Defines a drive letter in this logon session.
    DefineDrive(Logon),
    /// That drive letter is looked up.
    ResolveDrive(Status),
    /// `Teb.IsImpersonating` of the thread that the calls are about.
    TebImpersonating(bool),
}

impl Program {
    /// The number of the calling thread's pseudo-handle.
    pub const SELF: usize = usize::MAX;
}

/// What is opened or checked.
#[derive(Clone, Copy, Debug)]
pub enum Securable {
    /// An object that grants everything to these SIDs and nothing to others.
    Granting(&'static [Sid]),
    /// An object with a descriptor but without a DACL.
    NullDacl,
    /// An object without security.
    NoDescriptor,
}

/// Access and privilege checks.
#[derive(Clone, Copy, Debug)]
pub enum Judge {
    /// A program opens an object; through the driver an `ACCESS_CHECK` of its
    /// descriptor must have the same result.
    Open(Securable, u32, Status),
    /// The same below a directory that grants nothing to any user.
    OpenNested(Securable, Status),
    /// `SeAccessCheck` for kernel mode.
    KernelMode(Securable, Status),
    /// `SeSinglePrivilegeCheck` for user mode, of a privilege that S does not have.
    Privilege(bool),
    /// `NtAccessCheck` with this token, for reading.
    Token(usize, Securable, Status),
    /// `NtPrivilegeCheck` with this token.
    TokenPrivilege(usize, Result<bool, Status>),
    /// The driver's `WORKER_CHECK` of a descriptor, for reading: the results for the caller and
    /// for a worker.
    Worker(Securable, Status, Status),
}

/// Client security contexts. Numbers name contexts that the script keeps.
#[derive(Clone, Copy, Debug)]
pub enum Context {
    /// `SeCreateClientSecurity`.
    Create {
        /// The number.
        keep: usize,
        /// The client thread.
        client: Who,
        /// Level of the quality of service.
        level: u32,
        /// Dynamic tracking.
        dynamic: bool,
        /// For a remote server.
        remote: bool,
        /// The expected status.
        status: Status,
    },
    /// `SeImpersonateClientEx` on the thread that the calls are about.
    Impersonate(usize),
    /// `SeDeleteClientSecurity`.
    Delete(usize),
}

/// Connections through the driver. Clients and servers, which are opens of the device, are
/// numbered separately; server 0 is the handle that the script starts with.
#[derive(Clone, Copy, Debug)]
pub enum Broker {
    /// The thread opens the client's name with these flags of `CreateFile`.
    Connect {
        /// The client's number.
        keep: usize,
        /// `SECURITY_…` flags.
        flags: u32,
        /// The expected status.
        status: Status,
    },
    /// The thread opens this name below the device with this level in its quality of service, as
    /// `NtCreateFile` takes it, and closes it again; the expected status.
    OpenName(&'static str, u32, Status),
    /// The thread opens this name relative to the script's own server; the expected status.
    OpenRelative(&'static str, Status),
    /// The client's handle is closed.
    Leave(usize),
    /// Every control code that the client's access allows is sent to its file and refused.
    ClientIsNoServer(usize),
    /// The thread opens the device as a server; the expected status.
    OpenServer(usize, Status),
    /// The server's handle is closed.
    CloseServer(usize),
    /// What `NEXT_CLIENT` reports of this client to this server: its terms, and whether the server serves it; `none`
    /// if it is not listed.
    Sees(usize, usize, &'static str),
    /// `SERVE` of this client at this level, through this server.
    Serve {
        /// The server.
        server: usize,
        /// The client.
        client: usize,
        /// The requested level.
        level: u32,
        /// The expected status.
        status: Status,
    },
    /// `SERVE` of an id that no connection has; the expected status.
    ServeId(u64, Status),
    /// This many clients connect, each is served once, and they leave in another order.
    Crowd(u32),
}

/// Injected failures, each of one call.
#[derive(Clone, Copy, Debug)]
pub enum Memory {
    /// The next duplication of a token fails with this.
    FailDuplicate(Status),
    /// There is no memory for the block of a thread that impersonates.
    FailBlock,
    /// There is no memory for a filtered token.
    FailFilter,
    /// The descriptor of a downgrade copy cannot be extended.
    FailCopyDescriptor(Status),
    /// Removes failures that were not reached.
    Recover,
}

/// Lifetimes of objects.
#[derive(Clone, Copy, Debug)]
pub enum Object {
    /// The test drops all its own references on tokens.
    Forget,
    /// Whether the logon session exists.
    SessionAlive(Logon, bool),
    /// The thread exits; its object is deleted with the last reference to it.
    Exit(Who),
    /// Whether the slots of two threads hold the same object.
    SameToken(Who, Who, bool),
    /// The slot's token has session, source, logon, origin and modified id of this one.
    SameOrigin(ClientToken),
    /// Enables what the fixture has disabled in this token, through a separate
    /// handle.
    EnableDisabled(ClientToken),
    /// The server process joins a job with these of `JOB_OBJECT_SECURITY_…`; its
    /// filter, if it has one, deletes the privilege of [`Judge::Privilege`].
    AssignJob(u32),
    /// Whether the slot's token has that privilege.
    SlotHasPrivilege(bool),
    /// References on the system's anonymous token beyond those at the start.
    AnonymousReferences(i64),
}
