//! The settings in the service's key `Parameters`, read once as the driver starts.

use crate::wdf::{NO_ATTRIBUTES, Name};
use core::ptr;
use psimp_protocol::{CLIENTS_AUTHENTICATED, CLIENTS_SETTING};
use wdk_sys::{KEY_QUERY_VALUE, WDFDRIVER, WDFKEY, call_unsafe_wdf_function_binding};

static CLIENTS: Name<{ CLIENTS_SETTING.len() }> = Name::new(CLIENTS_SETTING);

/// Whether every authenticated user may connect: `Clients` is 1. False when the value is missing,
/// cannot be read or differs. `PASSIVE_LEVEL`.
///
/// # Safety
/// `driver` is the framework's driver object.
pub(crate) unsafe fn every_user_may_connect(driver: WDFDRIVER) -> bool {
    let mut key: WDFKEY = ptr::null_mut();
    // SAFETY: `driver` is promised by the caller; the pointer is to a local.
    let opened = unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDriverOpenParametersRegistryKey,
            driver,
            KEY_QUERY_VALUE,
            NO_ATTRIBUTES,
            &raw mut key
        )
    };
    if !wdk::nt_success(opened) {
        return false;
    }
    let name = CLIENTS.unicode();
    let mut value = 0;
    // SAFETY: the key was just opened; the pointers are to locals.
    let read = unsafe {
        call_unsafe_wdf_function_binding!(WdfRegistryQueryULong, key, &raw const name, &raw mut value)
    };
    // SAFETY: the key was opened above and is not used again.
    unsafe { call_unsafe_wdf_function_binding!(WdfRegistryClose, key) };
    wdk::nt_success(read) && value == CLIENTS_AUTHENTICATED
}
