//! SIDs and the names of accounts.
#![allow(unsafe_code)] // LookupAccountSidW, SIDs by their pointers

use crate::Error;
use crate::error::Code;
use psimp_nt::Sid;
use windows_sys::Win32::Foundation::{ERROR_NONE_MAPPED, LUID};
use windows_sys::Win32::Security::{
    GetLengthSid, LookupAccountSidW, LookupPrivilegeNameW, PSID, SID_NAME_USE,
};

/// The maximum name length in UTF-16 units; account and domain names are far shorter.
const LONGEST: usize = 512;

/// `DOMAIN\name` of the account with this SID; `None` if the system knows none.
///
/// # Errors
/// The error that Windows returns, for example while the local security authority does not answer.
pub fn account_name(sid: &Sid) -> Result<Option<String>, Error> {
    let (mut name, mut domain) = ([0_u16; LONGEST], [0_u16; LONGEST]);
    let (mut name_length, mut domain_length) = (512_u32, 512_u32);
    let mut kind: SID_NAME_USE = 0;
    // SAFETY: the SID is valid by its type; both buffers have the given lengths.
    let found = unsafe {
        LookupAccountSidW(
            std::ptr::null(),
            pointer(sid),
            name.as_mut_ptr(),
            &raw mut name_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    };
    if found == 0 {
        let error = Error::last("LookupAccountSidW");
        let unknown = error.code == Code::Win32(ERROR_NONE_MAPPED);
        return if unknown { Ok(None) } else { Err(error.of(sid)) };
    }
    let (name, domain) = (text(&name, name_length), text(&domain, domain_length));
    Ok(Some(if domain.is_empty() { name } else { format!(r"{domain}\{name}") }))
}

/// The name of a privilege, such as `SeImpersonatePrivilege`.
pub fn privilege_name(luid: u64) -> Option<String> {
    let luid = split(luid);
    let mut name = [0_u16; LONGEST];
    let mut length = 512_u32;
    // SAFETY: the LUID is borrowed for the call, and the buffer has the given length.
    let found = unsafe {
        LookupPrivilegeNameW(std::ptr::null(), &raw const luid, name.as_mut_ptr(), &raw mut length)
    };
    (found != 0).then(|| text(&name, length))
}

/// A copy of a SID that Windows points to; `None` for none.
///
/// # Safety
/// The pointer is null, or points to a valid SID.
pub(crate) unsafe fn owned(sid: PSID) -> Option<Sid> {
    if sid.is_null() {
        return None;
    }
    // SAFETY: the caller guarantees a valid SID.
    let length = usize::try_from(unsafe { GetLengthSid(sid) }).ok()?;
    // SAFETY: a valid SID has that many bytes, which nothing changes until this returns.
    let bytes = unsafe { std::slice::from_raw_parts(sid.cast::<u8>(), length) };
    Sid::parse(bytes).ok()
}

/// A SID as Windows takes it, for as long as it is borrowed. This is the only place that makes such a pointer.
pub(crate) fn pointer(sid: &Sid) -> PSID {
    // System calls probe it as their `SID`.
    const { assert!(align_of::<Sid>() >= align_of::<windows_sys::Win32::Security::SID>()) };
    sid.padded().as_ptr().cast_mut().cast()
}

/// A LUID as Windows passes it.
pub(crate) fn split(luid: u64) -> LUID {
    let [low, high] = [luid & 0xFFFF_FFFF, luid >> 32].map(|half| u32::try_from(half).unwrap_or(0));
    LUID { LowPart: low, HighPart: high.cast_signed() }
}

fn text(units: &[u16], length: u32) -> String {
    let length = usize::try_from(length).unwrap_or(0);
    String::from_utf16_lossy(units.get(..length).unwrap_or_default())
}
