//! Common definitions for the framework: sizes, names, handles, locks, object contexts.

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::marker::PhantomData;
use core::ptr;
use wdk_sys::{
    _WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent,
    _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent, NTSTATUS, UNICODE_STRING,
    WDF_OBJECT_ATTRIBUTES, WDF_OBJECT_CONTEXT_TYPE_INFO, WDFDEVICE, WDFFILEOBJECT, WDFOBJECT, WDFWAITLOCK,
    call_unsafe_wdf_function_binding,
};

/// `WDF_NO_OBJECT_ATTRIBUTES`.
pub(crate) const NO_ATTRIBUTES: *mut WDF_OBJECT_ATTRIBUTES = ptr::null_mut();

/// The `Size` field that each structure of the framework begins with.
#[allow(clippy::cast_possible_truncation)] // a few dozen bytes
pub(crate) const fn size_of_config<T>() -> u32 {
    size_of::<T>() as u32
}

/// A constant `UNICODE_STRING` with its characters, from an ASCII literal.
pub(crate) struct Name<const N: usize>([u16; N]);

impl<const N: usize> Name<N> {
    /// Widens `text`, whose length is `N`.
    pub(crate) const fn new(text: &str) -> Self {
        assert!(text.is_ascii() && text.len() == N && N < 0x4000);
        let mut wide = [0; N];
        let mut i = 0;
        while i < N {
            wide[i] = text.as_bytes()[i] as u16;
            i += 1;
        }
        Self(wide)
    }

    /// The string, for a call that only reads it.
    #[allow(clippy::cast_possible_truncation)] // N < 0x4000
    pub(crate) const fn unicode(&'static self) -> UNICODE_STRING {
        UNICODE_STRING {
            Length: 2 * N as u16,
            MaximumLength: 2 * N as u16,
            Buffer: self.0.as_ptr().cast_mut(),
        }
    }
}

/// The control device, which exists as long as a callback of the driver can run.
#[derive(Clone, Copy)]
pub(crate) struct Device(WDFDEVICE);

impl Device {
    /// # Safety
    /// `device` is the device that `DriverEntry` creates.
    pub(crate) unsafe fn new(device: WDFDEVICE) -> Self {
        Self(device)
    }

    /// The framework's handle.
    pub(crate) fn handle(self) -> WDFDEVICE {
        self.0
    }
}

/// A file object of the control device that was opened, and is not closed during `'f`.
#[derive(Clone, Copy)]
pub(crate) struct File<'f>(WDFFILEOBJECT, PhantomData<&'f ()>);

impl File<'_> {
    /// # Safety
    /// `file` is a file object of the device whose create succeeded; its close comes after `'f`.
    pub(crate) unsafe fn new(file: WDFFILEOBJECT) -> Self {
        Self(file, PhantomData)
    }

    /// The framework's handle.
    pub(crate) fn handle(self) -> WDFFILEOBJECT {
        self.0
    }

    /// The device that it is a file object of. `DISPATCH_LEVEL`.
    pub(crate) fn device(self) -> Device {
        // SAFETY: the file object is open.
        Device(unsafe { call_unsafe_wdf_function_binding!(WdfFileObjectGetDevice, self.0) })
    }
}

/// A wait lock of the framework.
pub(crate) struct WaitLock(WDFWAITLOCK);

impl WaitLock {
    /// A lock that is deleted with `parent`. `PASSIVE_LEVEL`.
    ///
    /// # Errors
    /// The framework's error, for example out of memory.
    ///
    /// # Safety
    /// `parent` is an object of the framework, and the value is not used after it is deleted.
    pub(crate) unsafe fn create(parent: WDFOBJECT) -> Result<Self, NTSTATUS> {
        let mut attributes = WDF_OBJECT_ATTRIBUTES { ParentObject: parent, ..ATTRIBUTES };
        let mut lock: WDFWAITLOCK = ptr::null_mut();
        // SAFETY: promised by the caller; the pointers are to locals.
        let status = unsafe {
            call_unsafe_wdf_function_binding!(WdfWaitLockCreate, &raw mut attributes, &raw mut lock)
        };
        if wdk::nt_success(status) { Ok(Self(lock)) } else { Err(status) }
    }
}

/// A value that a wait lock guards.
pub(crate) struct Mutex<T> {
    lock: WaitLock,
    value: UnsafeCell<T>,
}

impl<T> Mutex<T> {
    /// `lock` guards no other value.
    pub(crate) const fn new(lock: WaitLock, value: T) -> Self {
        Self { lock, value: UnsafeCell::new(value) }
    }

    /// Runs `work` on the value under the lock. `work` must not acquire the lock again, which
    /// would deadlock. `PASSIVE_LEVEL`.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the lock is not deleted, by the contract of `WaitLock::create`. Without a
        // timeout the call always acquires it.
        let _ =
            unsafe { call_unsafe_wdf_function_binding!(WdfWaitLockAcquire, self.lock.0, ptr::null_mut()) };
        // SAFETY: the lock is held, so this is the only use of the value.
        let result = work(unsafe { &mut *self.value.get() });
        // SAFETY: acquired above; nothing unwinds in a kernel.
        unsafe { call_unsafe_wdf_function_binding!(WdfWaitLockRelease, self.lock.0) };
        result
    }
}

/// Attributes without parent or context.
const ATTRIBUTES: WDF_OBJECT_ATTRIBUTES = WDF_OBJECT_ATTRIBUTES {
    Size: size_of_config::<WDF_OBJECT_ATTRIBUTES>(),
    EvtCleanupCallback: None,
    EvtDestroyCallback: None,
    ExecutionLevel: WdfExecutionLevelInheritFromParent,
    SynchronizationScope: WdfSynchronizationScopeInheritFromParent,
    ParentObject: ptr::null_mut(),
    ContextSizeOverride: 0,
    ContextTypeInfo: ptr::null(),
};

/// The type of a context that the framework attaches to objects. Must be a
/// static, since its address is its identity.
#[repr(transparent)]
pub(crate) struct ContextType(WDF_OBJECT_CONTEXT_TYPE_INFO);

// SAFETY: immutable, and its pointers are to statics.
unsafe impl Sync for ContextType {}

impl ContextType {
    /// The type of a context `T`, which must be valid when all its bytes are zero. `this` is the
    /// static being defined.
    pub(crate) const fn of<T: 'static>(name: &'static CStr, this: &'static Self) -> Self {
        Self(WDF_OBJECT_CONTEXT_TYPE_INFO {
            Size: size_of_config::<WDF_OBJECT_CONTEXT_TYPE_INFO>(),
            ContextName: name.as_ptr().cast_mut(),
            ContextSize: size_of::<T>(),
            UniqueType: &raw const this.0,
            EvtDriverGetUniqueContextType: None,
        })
    }

    /// Attributes that attach such a context to a new object.
    pub(crate) fn attributes(&'static self) -> WDF_OBJECT_ATTRIBUTES {
        WDF_OBJECT_ATTRIBUTES { ContextTypeInfo: &raw const self.0, ..ATTRIBUTES }
    }

    /// The context of an object that was created with [`Self::attributes`];
    /// zeroed at first, and valid as long as the object is. Any IRQL.
    ///
    /// # Safety
    /// `object` is an object of the framework, and not deleted.
    pub(crate) unsafe fn get<T: 'static>(&'static self, object: WDFOBJECT) -> *mut T {
        // SAFETY: promised by the caller. The framework returns null if the object has no
        // context of this type.
        let context = unsafe {
            call_unsafe_wdf_function_binding!(WdfObjectGetTypedContextWorker, object, &raw const self.0)
        };
        context.cast()
    }
}
