//! The settings of the service.

use crate::defect::defects;
use crate::wdf::{NO_ATTRIBUTES, Name};
use core::ptr;
use wdk_sys::{WDFDRIVER, WDFKEY, call_unsafe_wdf_function_binding};

static SETTING: Name<7> = Name::new("Setting");

/// `KEY_READ`.
const READ: u32 = 0x2_0019;
/// `KEY_WRITE`.
const WRITE: u32 = 0x2_0006;

/// The service's key `Parameters`.
#[inline(always)]
fn open(driver: WDFDRIVER, access: u32) -> WDFKEY {
    let mut key: WDFKEY = ptr::null_mut();
    // SAFETY: the driver exists, or the defect names the rule that it breaks; the pointer is to a local.
    let _ = unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDriverOpenParametersRegistryKey,
            driver,
            access,
            NO_ATTRIBUTES,
            &raw mut key
        )
    };
    key
}

/// # Safety
/// The key is open.
#[inline(always)]
unsafe fn close(key: WDFKEY) {
    // SAFETY: promised by the caller.
    unsafe { call_unsafe_wdf_function_binding!(WdfRegistryClose, key) };
}

/// # Safety
/// The key is open.
#[inline(always)]
unsafe fn query(key: WDFKEY) {
    let (name, mut value) = (SETTING.unicode(), 0);
    // SAFETY: promised by the caller; the pointers are to locals.
    let _ = unsafe {
        call_unsafe_wdf_function_binding!(WdfRegistryQueryULong, key, &raw const name, &raw mut value)
    };
}

defects! {
    /// A value is queried from a closed key.
    fn key_queried_after_close [Start] (call) {
        let key = open(call.driver, READ);
        // SAFETY: opened above.
        unsafe { query(key) };
        // SAFETY: opened above.
        unsafe { close(key) };
        // SAFETY: none; this breaks the lifetime of the key.
        unsafe { query(key) };
    }

    /// A key is closed twice.
    fn key_closed_twice [Start] (call) {
        let key = open(call.driver, READ);
        // SAFETY: opened above.
        unsafe { close(key) };
        // SAFETY: none; this breaks the rule that a key is closed once.
        unsafe { close(key) };
    }

    /// A value is queried from a driver's handle instead of a key.
    fn driver_as_key [Start] (call) {
        // SAFETY: none; this breaks the type of the handle.
        unsafe { query(call.driver.cast()) };
    }

    /// The key is opened for writing.
    fn key_opened_to_write [Start] (call) {
        open(call.driver, WRITE);
    }

    /// The key is opened at `DISPATCH_LEVEL`.
    fn key_opened_too_high [Control] (call) {
        open(call.driver, READ);
    }
}
