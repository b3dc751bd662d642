//! Local accounts.
#![allow(unsafe_code)] // netapi32

use crate::Error;
use crate::random::Password;
use crate::sid::owned;
use crate::wide::{text, wide};
use psimp_nt::Sid;
use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_MEMBER_IN_ALIAS, ERROR_NONE_MAPPED};
use windows_sys::Win32::NetworkManagement::NetManagement::{
    LOCALGROUP_MEMBERS_INFO_0, NERR_Success, NERR_UserNotFound, NetApiBufferFree, NetLocalGroupAddMembers,
    NetUserAdd, NetUserDel, NetUserGetInfo, UF_DONT_EXPIRE_PASSWD, UF_NORMAL_ACCOUNT, UF_PASSWD_CANT_CHANGE,
    UF_SCRIPT, USER_INFO_1, USER_INFO_23, USER_PRIV_USER,
};
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, KEY_READ, RegCloseKey, RegOpenKeyExW};
use windows_sys::Win32::System::SystemInformation::{OSVERSIONINFOEXW, OSVERSIONINFOW};
use windows_sys::Win32::UI::Shell::DeleteProfileW;

/// `VER_NT_DOMAIN_CONTROLLER`.
const DOMAIN_CONTROLLER: u8 = 2;
/// The group Users.
const USERS: Sid = Sid::new(5, &[32, 545]);
const PROFILES: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

/// The properties of a local account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its SID.
    pub sid: Sid,
    /// Its comment.
    pub comment: String,
}

impl Account {
    /// The local account with this name; `None` if there is none.
    ///
    /// # Errors
    /// The error that Windows returns.
    pub fn find(name: &str) -> Result<Option<Self>, Error> {
        let call = "NetUserGetInfo";
        let (name, mut buffer) = (wide(name), std::ptr::null_mut());
        // SAFETY: the name ends with a zero, and the place for the result is borrowed for the call.
        let code = unsafe { NetUserGetInfo(std::ptr::null(), name.as_ptr(), 23, &raw mut buffer) };
        if code == NERR_UserNotFound {
            return Ok(None);
        }
        if code != NERR_Success || buffer.is_null() {
            return Err(Error::win32(call, code));
        }
        #[allow(clippy::cast_ptr_alignment)] // netapi32 aligns the buffer for its structure
        let information = buffer.cast::<USER_INFO_23>();
        // SAFETY: of level 23 the buffer is one such structure, allocated at its alignment.
        let information = unsafe { information.read() };
        // SAFETY: the comment is null or text with a zero at its end, inside the buffer.
        let comment = unsafe { text(information.usri23_comment) };
        // SAFETY: the SID is null or valid, inside the buffer.
        let sid = unsafe { owned(information.usri23_user_sid) };
        // SAFETY: netapi32 allocated the buffer, and nothing points into it any more.
        unsafe { NetApiBufferFree(buffer.cast()) };
        sid.map(|sid| Some(Self { sid, comment })).ok_or(Error::win32("the account's SID", 0))
    }
}

/// Creates a local account, which is in no local group yet.
///
/// # Errors
/// The error that Windows returns: `ERROR_ACCESS_DENIED` unless the caller is an administrator,
/// `NERR_UserExists` if there is such an account.
pub fn create(name: &str, comment: &str, password: &Password) -> Result<(), Error> {
    let (mut name, mut comment) = (wide(name), wide(comment));
    let user = USER_INFO_1 {
        usri1_name: name.as_mut_ptr(),
        usri1_password: password.pointer().cast_mut(),
        usri1_priv: USER_PRIV_USER,
        usri1_comment: comment.as_mut_ptr(),
        usri1_flags: UF_SCRIPT | UF_NORMAL_ACCOUNT | UF_DONT_EXPIRE_PASSWD | UF_PASSWD_CANT_CHANGE,
        ..USER_INFO_1::default()
    };
    let none = std::ptr::null_mut();
    // SAFETY: level 1 takes this structure, whose texts end with a zero and live until the call returns.
    done("NetUserAdd", unsafe { NetUserAdd(std::ptr::null(), 1, (&raw const user).cast(), none) })
}

/// Makes an account a member of Users, which has the right to log on.
///
/// # Errors
/// The error that Windows returns.
pub fn join_users(sid: &Sid) -> Result<(), Error> {
    // The group's name is localised.
    let qualified = crate::sid::account_name(&USERS)?;
    let qualified =
        qualified.ok_or_else(|| Error::win32("LookupAccountSidW", ERROR_NONE_MAPPED).of(USERS))?;
    let group = wide(qualified.rsplit('\\').next().unwrap_or(&qualified));
    let member = LOCALGROUP_MEMBERS_INFO_0 { lgrmi0_sid: crate::sid::pointer(sid) };
    // SAFETY: level 0 takes such structures, here one; its SID and the name live until the call returns.
    let code = unsafe {
        NetLocalGroupAddMembers(std::ptr::null(), group.as_ptr(), 0, (&raw const member).cast(), 1)
    };
    if code == ERROR_MEMBER_IN_ALIAS { Ok(()) } else { done("NetLocalGroupAddMembers", code) }
}

/// Deletes a local account; a missing account is no error.
///
/// # Errors
/// The error that Windows returns.
pub fn delete(name: &str) -> Result<(), Error> {
    let name = wide(name);
    // SAFETY: the name ends with a zero.
    let code = unsafe { NetUserDel(std::ptr::null(), name.as_ptr()) };
    if code == NERR_UserNotFound { Ok(()) } else { done("NetUserDel", code) }
}

/// Deletes the profile of a user, if one was made.
///
/// # Errors
/// The error that Windows returns.
pub fn delete_profile(sid: &Sid) -> Result<(), Error> {
    let (key, mut opened) = (wide(&format!(r"{PROFILES}\{sid}")), std::ptr::null_mut());
    // SAFETY: the name ends with a zero, and the place for the handle is borrowed for the call.
    let code = unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, key.as_ptr(), 0, KEY_READ, &raw mut opened) };
    if code == ERROR_FILE_NOT_FOUND {
        return Ok(());
    }
    done("RegOpenKeyExW", code)?;
    // SAFETY: the call succeeded, and nothing else owns the handle.
    unsafe { RegCloseKey(opened) };
    let sid = wide(&sid.to_string());
    // SAFETY: the SID's text ends with a zero.
    let deleted = unsafe { DeleteProfileW(sid.as_ptr(), std::ptr::null(), std::ptr::null()) };
    if deleted == 0 { Err(Error::last("DeleteProfileW")) } else { Ok(()) }
}

/// Whether this is a domain controller, where all accounts are the domain's; assumed if it cannot be
/// determined.
pub fn are_of_a_domain() -> bool {
    let mut version = OSVERSIONINFOEXW {
        dwOSVersionInfoSize: crate::structure::length::<OSVERSIONINFOEXW>(),
        ..Default::default()
    };
    // SAFETY: the longer structure begins with the shorter one and has its length in it.
    let status = unsafe { RtlGetVersion((&raw mut version).cast::<OSVERSIONINFOW>()) };
    status != 0 || version.wProductType == DOMAIN_CONTROLLER
}

fn done(call: &'static str, code: u32) -> Result<(), Error> {
    if code == NERR_Success { Ok(()) } else { Err(Error::win32(call, code)) }
}
