//! Broken contracts, as data.

use psimp_nt::Status;
use std::fmt;

/// A place in the driver image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// The file name of the image.
    pub image: &'static str,
    /// Offset from the image base: of an instruction that faulted, the return
    /// address of a call, or a callback that left something undone.
    pub rva: u32,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+0x{:X}", self.image, self.rva)
    }
}

/// Which contract was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// A function was called above its highest IRQL.
    Irql,
    /// A function, class or option that the host does not model was used.
    NotModelled,
    /// An argument that no caller may pass.
    BadArgument,
    /// A pointer argument does not point to memory of the driver.
    BadPointer,

    /// An object was used without a reference or another guarantee that it exists.
    Unreferenced,
    /// An object of one type was passed where another is needed.
    ObjectType,
    /// More references were released than taken.
    OverDereference,
    /// A reference was released by the wrong routine.
    DereferenceRoutine,
    /// A reference was never released.
    ReferenceLeak,

    /// A handle was used in the wrong processor mode, or made in a table of
    /// user mode.
    HandleMode,
    /// A kernel handle that is not open was used.
    Handle,
    /// A kernel handle was never closed.
    HandleLeak,

    /// The bytes around a pool block were changed.
    PoolOverrun,
    /// A pool block was changed after it was freed.
    PoolUseAfterFree,
    /// A pool block was freed twice.
    DoubleFree,
    /// An address that is not a pool block was freed.
    NotPool,
    /// A pool block was freed with another tag.
    PoolTag,
    /// A pool block was never freed.
    PoolLeak,

    /// A framework handle is invalid or of the wrong type.
    FrameworkHandle,
    /// A device initialiser was used after it was consumed or freed, or neither
    /// happened.
    DeviceInit,
    /// A context was asked for under a type that the object does not have.
    ContextType,
    /// The bytes around a context, or around the name of a file, were changed.
    ContextOverrun,
    /// A context, or the name of a file, was changed after its object was destroyed.
    ContextAfterDestroy,
    /// A thread waited for a lock that it already held.
    Deadlock,
    /// A lock was released by a thread that did not hold it.
    LockOwner,
    /// The driver returned, or a lock was deleted, while it was held.
    LockHeld,
    /// A critical region was left that the driver had not entered, or was not left.
    CriticalRegion,
    /// The driver was not unbound from the framework.
    Unbind,
    /// A device was not deleted.
    DeviceLeak,

    /// A request was neither completed nor passed on.
    NotCompleted,
    /// A request was completed twice.
    CompletedTwice,
    /// A request or its buffer was used after it was completed.
    AfterCompletion,
    /// A request was completed with a status or an information that no caller
    /// can be given.
    Completion,
    /// The bytes around the system buffer were changed.
    BufferOverrun,
    /// Bytes were returned that the driver never wrote.
    StaleOutput,

    /// An invalid registration handle of an event provider, or one registration too
    /// many.
    Registration,
    /// An event provider was never unregistered.
    RegistrationLeak,

    /// The driver cannot be unloaded now.
    Unload,

    /// An access to memory that is not mapped for the driver.
    MemoryAccess,
    /// An instruction that cannot be executed.
    Instruction,
    /// A call through a pointer to an address that is no function, or none that may be called so.
    CallTarget,
    /// The driver did not return.
    Hang,
    /// The driver stopped the system.
    BugCheck,
    /// The host itself failed.
    Host,
}

/// A broken contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// Which contract.
    pub kind: FaultKind,
    /// What happened, naming the function.
    pub message: String,
    /// Where in the driver, when it is known.
    pub site: Option<Site>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.site {
            Some(site) => write!(f, "{} ({site})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Why a request to the driver did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The driver, or the I/O manager before it, returned this.
    #[error("{0}")]
    Status(Status),
    /// The driver broke a contract.
    #[error("{0}")]
    Fault(Fault),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}
