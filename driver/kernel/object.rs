//! Threads and processes, and references from handles.

use super::check;
use crate::ntoskrnl::{
    IoThreadToProcess, ObReferenceObjectByHandle, ObfDereferenceObject, ObfReferenceObject,
    PsGetCurrentThread, PsIsThreadTerminating,
};
use core::ptr::{self, NonNull};
use psimp_nt::Status;
use wdk_sys::{
    _MODE::UserMode, HANDLE, OBJECT_HANDLE_INFORMATION, PEPROCESS, PETHREAD, POBJECT_TYPE, PVOID,
    PsThreadType,
};

/// One reference on an object, released on drop.
pub(crate) struct Reference(NonNull<core::ffi::c_void>);

impl Reference {
    /// Opens a handle of the caller, once: the object is kept, not the handle,
    /// so what was checked is what is used. Also returns all the access that the
    /// handle grants.
    ///
    /// # Errors
    /// `INVALID_HANDLE`, `OBJECT_TYPE_MISMATCH`, `ACCESS_DENIED`.
    ///
    /// # Safety
    /// `object_type` is one of the kernel's object types.
    pub(super) unsafe fn open(
        handle: u64,
        access: u32,
        object_type: POBJECT_TYPE,
    ) -> Result<(Self, u32), Status> {
        let mut object: PVOID = ptr::null_mut();
        let mut information = OBJECT_HANDLE_INFORMATION::default();
        // `UserMode`: kernel handles are refused here.
        #[allow(clippy::cast_possible_truncation)] // 1
        let mode = UserMode as i8;
        // SAFETY: the handle is only looked up in the caller's table; the object
        // type is promised by the caller; the pointers are to locals.
        check(unsafe {
            ObReferenceObjectByHandle(
                ptr::without_provenance_mut::<core::ffi::c_void>(usize::try_from(handle).unwrap_or(0))
                    as HANDLE,
                access,
                object_type,
                mode,
                &raw mut object,
                &raw mut information,
            )
        })?;
        let object = NonNull::new(object).ok_or(Status::INVALID_HANDLE)?;
        Ok((Self(object), information.GrantedAccess))
    }

    /// Takes a further reference.
    ///
    /// # Safety
    /// `object` is kept alive by a reference until this returns.
    pub(super) unsafe fn another(object: PVOID) -> Self {
        // SAFETY: promised by the caller.
        unsafe { ObfReferenceObject(object) };
        // SAFETY: an object that is alive is not null.
        Self(unsafe { NonNull::new_unchecked(object) })
    }

    /// Takes over a reference.
    ///
    /// # Safety
    /// One reference on `object` is the caller's and becomes the value's.
    pub(super) unsafe fn from_owned(object: NonNull<core::ffi::c_void>) -> Self {
        Self(object)
    }

    pub(super) fn as_ptr(&self) -> PVOID {
        self.0.as_ptr()
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: the value owns one reference.
        unsafe { ObfDereferenceObject(self.0.as_ptr()) };
    }
}

/// A thread that stays alive: the current one, or a referenced one.
pub(crate) enum Thread {
    /// The calling thread.
    Current(PETHREAD),
    /// A thread referenced through a handle.
    Opened(Reference),
}

impl Thread {
    /// The calling thread. Any IRQL.
    pub(crate) fn current() -> Self {
        // SAFETY: callable at any IRQL.
        Self::Current(unsafe { PsGetCurrentThread() })
    }

    /// Opens a handle of the caller, with this access.
    ///
    /// # Errors
    /// `INVALID_HANDLE`, `OBJECT_TYPE_MISMATCH`, `ACCESS_DENIED`.
    pub(crate) fn open(handle: u64, access: u32) -> Result<Self, Status> {
        // SAFETY: an exported variable that the kernel sets before any driver runs.
        let slot = unsafe { PsThreadType };
        // SAFETY: the import is the variable's address.
        let object_type = unsafe { *slot };
        // SAFETY: the kernel's thread type.
        unsafe { Reference::open(handle, access, object_type) }.map(|(thread, _)| Self::Opened(thread))
    }

    pub(super) fn as_ptr(&self) -> PETHREAD {
        match self {
            Self::Current(thread) => *thread,
            Self::Opened(thread) => thread.as_ptr().cast(),
        }
    }

    /// The process that owns the thread, also while the thread is attached to another. It is
    /// alive as long as the thread is.
    pub(super) fn process(&self) -> PEPROCESS {
        // SAFETY: the thread is current or referenced.
        unsafe { IoThreadToProcess(self.as_ptr()) }
    }

    /// Whether the process of the calling thread owns this one.
    pub(crate) fn in_callers_process(&self) -> bool {
        self.process() == Self::current().process()
    }

    /// Whether the thread has begun to exit.
    pub(crate) fn is_terminating(&self) -> bool {
        // SAFETY: the thread is current or referenced.
        unsafe { PsIsThreadTerminating(self.as_ptr()) != 0 }
    }
}

/// A referenced process.
pub(crate) struct Process(Reference);

impl Process {
    /// The process of the calling thread.
    pub(crate) fn of_caller() -> Self {
        // SAFETY: the calling thread keeps its process alive.
        Self(unsafe { Reference::another(Thread::current().process().cast()) })
    }

    /// Whether this is the process of the calling thread.
    pub(crate) fn is_callers(&self) -> bool {
        self.0.as_ptr() == Thread::current().process().cast()
    }
}
