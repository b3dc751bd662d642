//! What every use of the framework needs: sizes, names, object contexts.

use core::ffi::CStr;
use core::ptr;
use wdk_sys::{
    _WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent,
    _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent, UNICODE_STRING,
    WDF_OBJECT_ATTRIBUTES, WDF_OBJECT_CONTEXT_TYPE_INFO, WDFOBJECT, call_unsafe_wdf_function_binding,
};

/// `WDF_NO_OBJECT_ATTRIBUTES`.
pub(crate) const NO_ATTRIBUTES: *mut WDF_OBJECT_ATTRIBUTES = ptr::null_mut();

/// The `Size` field that each structure of the framework begins with.
#[allow(clippy::cast_possible_truncation)] // a few dozen bytes
pub(crate) const fn size_of_config<T>() -> u32 {
    size_of::<T>() as u32
}

/// A constant `UNICODE_STRING` with its characters, made of an ASCII literal.
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

/// The type of a context that the framework attaches to objects. Must be a
/// static, since its address is its identity.
#[repr(transparent)]
pub(crate) struct ContextType(WDF_OBJECT_CONTEXT_TYPE_INFO);

// SAFETY: immutable, and its pointers are to statics.
unsafe impl Sync for ContextType {}

impl ContextType {
    /// The type of a context `T`, which must be valid when all its bytes are
    /// zero. `this` is the static being made.
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
        WDF_OBJECT_ATTRIBUTES {
            Size: size_of_config::<WDF_OBJECT_ATTRIBUTES>(),
            ExecutionLevel: WdfExecutionLevelInheritFromParent,
            SynchronizationScope: WdfSynchronizationScopeInheritFromParent,
            ContextTypeInfo: &raw const self.0,
            ..WDF_OBJECT_ATTRIBUTES::default()
        }
    }

    /// The context of an object that was created with [`Self::attributes`];
    /// zeroed at first, and valid as long as the object is.
    pub(crate) fn get<T: 'static>(&'static self, object: WDFOBJECT) -> *mut T {
        // SAFETY: the framework looks the type up in the object's contexts and
        // returns null if it is not there.
        let context = unsafe {
            call_unsafe_wdf_function_binding!(WdfObjectGetTypedContextWorker, object, &raw const self.0)
        };
        context.cast()
    }
}
