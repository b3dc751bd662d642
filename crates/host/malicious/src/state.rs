//! State shared by the callbacks and the defects.

use crate::wdf::ContextType;
use core::ptr;
use core::sync::atomic::AtomicPtr;

/// The context of each file object, which only defects use.
#[repr(C)]
pub(crate) struct FileContext([u64; 2]);

pub(crate) static FILE_CONTEXT: ContextType = ContextType::of::<FileContext>(c"FileContext", &FILE_CONTEXT);
pub(crate) static OTHER_CONTEXT: ContextType =
    ContextType::of::<FileContext>(c"OtherContext", &OTHER_CONTEXT);

/// The control device; null before it is created.
pub(crate) static DEVICE: AtomicPtr<core::ffi::c_void> = AtomicPtr::new(ptr::null_mut());
/// Data that becomes the device's callback, if not null.
pub(crate) static CALLBACK: AtomicPtr<core::ffi::c_void> = AtomicPtr::new(ptr::null_mut());
