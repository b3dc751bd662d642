//! The machine and its Windows, without its name.
#![allow(unsafe_code)] // IsWow64Process2, the registry, NtQuerySystemInformation

use crate::Error;
use crate::error::checked;
use crate::structure::length;
use crate::thread::current_process;
use crate::wide::wide;
use psimp_nt::Status;
use std::os::windows::io::AsRawHandle;
use std::ptr::null_mut;
use windows_sys::Wdk::System::SystemInformation::{NtQuerySystemInformation, SystemCodeIntegrityInformation};
use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, REG_ROUTINE_FLAGS, RRF_RT_REG_DWORD, RRF_RT_REG_SZ, RegGetValueW,
};
use windows_sys::Win32::System::Threading::IsWow64Process2;
use windows_sys::Win32::System::WindowsProgramming::{
    CODEINTEGRITY_OPTION_HVCI_KMCI_ENABLED, SYSTEM_CODEINTEGRITY_INFORMATION,
};
use zerocopy::IntoBytes;

/// Where Windows keeps its version.
const CURRENT_VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";

/// What a call since the last question would have needed that this system lacks: nothing, where calls go to Windows.
/// A rehearsal of Windows may lack a call.
pub const fn lacks() -> Option<String> {
    None
}

/// `IMAGE_FILE_MACHINE_…` of the kernel, which differs from that of an emulated program.
///
/// # Errors
/// The error that Windows returns.
pub fn native() -> Result<u16, Error> {
    let (mut process, mut native) = (0, 0);
    // SAFETY: the handle is open, and the places for the results are borrowed for the call.
    let done =
        unsafe { IsWow64Process2(current_process().as_raw_handle(), &raw mut process, &raw mut native) };
    if done == 0 { Err(Error::last("IsWow64Process2")) } else { Ok(native) }
}

/// A text of the version, such as `CurrentBuildNumber`, `EditionID` or `DisplayVersion`.
///
/// # Errors
/// The error that Windows returns: `ERROR_FILE_NOT_FOUND` where there is no such value.
pub fn version_text(name: &'static str) -> Result<String, Error> {
    let mut words = [0; 64];
    value(name, RRF_RT_REG_SZ, &mut words)?;
    let (units, _) = words.as_bytes().as_chunks();
    let units: Vec<_> = units.iter().copied().map(u16::from_le_bytes).take_while(|unit| *unit != 0).collect();
    Ok(String::from_utf16_lossy(&units))
}

/// A number of the version, such as `UBR`, the patch level of the build.
///
/// # Errors
/// The error that Windows returns: `ERROR_FILE_NOT_FOUND` where there is no such value.
pub fn version_number(name: &'static str) -> Result<u32, Error> {
    let mut number = [0];
    value(name, RRF_RT_REG_DWORD, &mut number)?;
    Ok(number[0])
}

/// Reads a value of this type.
fn value(name: &'static str, kind: REG_ROUTINE_FLAGS, into: &mut [u32]) -> Result<(), Error> {
    let (key, value) = (wide(CURRENT_VERSION), wide(name));
    let mut bytes = u32::try_from(size_of_val(into)).unwrap_or(0);
    // SAFETY: key and value end with a zero; the place for the data is borrowed for the call, with its length.
    let code = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            value.as_ptr(),
            kind,
            null_mut(),
            into.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    if code == 0 { Ok(()) } else { Err(Error::win32("RegGetValueW", code).of(name)) }
}

/// Whether the hypervisor enforces the integrity of kernel code, which Windows Security calls memory integrity.
///
/// # Errors
/// The error that Windows returns.
pub fn hypervisor_enforced_integrity() -> Result<bool, Status> {
    let size = length::<SYSTEM_CODEINTEGRITY_INFORMATION>();
    let mut information = SYSTEM_CODEINTEGRITY_INFORMATION { Length: size, CodeIntegrityOptions: 0 };
    // SAFETY: the structure is borrowed for the call, with its length.
    checked(unsafe {
        NtQuerySystemInformation(
            SystemCodeIntegrityInformation,
            (&raw mut information).cast(),
            size,
            null_mut(),
        )
    })?;
    Ok(information.CodeIntegrityOptions & CODEINTEGRITY_OPTION_HVCI_KMCI_ENABLED != 0)
}
