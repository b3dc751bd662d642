//! `psimp.sys`: thread impersonation behind IOCTLs.
#![cfg_attr(feature = "kernel", no_std)]

#[cfg(feature = "kernel")]
mod minimal {
    //! Stands in for the driver until it is written: creates a WDFDRIVER and names the token type.
    #![allow(missing_docs, unsafe_code)]

    extern crate wdk_panic;

    use wdk_alloc::WdkAllocator;
    use wdk_sys::{
        NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, STATUS_UNSUCCESSFUL, SeTokenObjectType, WDF_DRIVER_CONFIG,
        WDF_NO_HANDLE, WDFDRIVER, call_unsafe_wdf_function_binding,
    };

    #[global_allocator]
    static ALLOCATOR: WdkAllocator = WdkAllocator;

    static BUILD_ID: &str = match option_env!("PSIMP_BUILD_ID") {
        Some(id) => id,
        None => "0000000000000000",
    };

    #[unsafe(export_name = "DriverEntry")]
    pub unsafe extern "system" fn driver_entry(driver: PDRIVER_OBJECT, path: PCUNICODE_STRING) -> NTSTATUS {
        // SAFETY: the variable is the kernel's and is initialised before any driver is loaded.
        let token_type = unsafe { core::ptr::read_volatile(SeTokenObjectType) };
        if token_type.is_null() || core::hint::black_box(BUILD_ID).is_empty() {
            return STATUS_UNSUCCESSFUL;
        }
        let mut config = WDF_DRIVER_CONFIG {
            Size: size_of::<WDF_DRIVER_CONFIG>() as u32,
            EvtDriverUnload: Some(unload),
            DriverInitFlags: wdk_sys::_WDF_DRIVER_INIT_FLAGS::WdfDriverInitNonPnpDriver as u32,
            ..WDF_DRIVER_CONFIG::default()
        };
        let mut handle: WDFDRIVER = core::ptr::null_mut();
        // SAFETY: the arguments are the system's own and outlive the call.
        unsafe {
            call_unsafe_wdf_function_binding!(
                WdfDriverCreate,
                driver,
                path,
                core::ptr::null_mut(),
                &raw mut config,
                &raw mut handle,
            )
        }
    }

    unsafe extern "C" fn unload(_driver: WDFDRIVER) {}
}
