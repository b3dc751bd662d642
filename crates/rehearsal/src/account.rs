//! Local accounts.

use crate::call;
use crate::random::Password;
use crate::sid::probed;
use psimp_nt::Sid;
use psimp_windows::Error;

/// `NERR_UserExists`.
const USER_EXISTS: u32 = 2224;
const ACCESS_DENIED: u32 = 5;
/// `ERROR_NO_SUCH_MEMBER`.
const NO_SUCH_MEMBER: u32 = 1387;

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
    /// None.
    pub fn find(name: &str) -> Result<Option<Self>, Error> {
        let found = call::enter().machine().people.find(name);
        Ok(found.map(|person| Self { sid: person.sid, comment: person.comment }))
    }
}

/// Creates a local account, which is in no local group yet.
///
/// # Errors
/// `ERROR_ACCESS_DENIED` unless the caller is an administrator, `NERR_UserExists` if there is such an account.
pub fn create(name: &str, comment: &str, password: &Password) -> Result<(), Error> {
    let call = administrator("NetUserAdd")?;
    if call.machine().people.add(name, comment, password) {
        Ok(())
    } else {
        Err(Error::win32("NetUserAdd", USER_EXISTS))
    }
}

/// Makes an account a member of Users, which has the right to log on.
///
/// # Errors
/// `ERROR_ACCESS_DENIED`, or `ERROR_NO_SUCH_MEMBER`.
pub fn join_users(sid: &Sid) -> Result<(), Error> {
    let name = "NetLocalGroupAddMembers";
    let call = administrator(name)?;
    let sid = probed(sid).map_err(|status| Error::status(name, status))?;
    if call.machine().people.join(&sid) { Ok(()) } else { Err(Error::win32(name, NO_SUCH_MEMBER)) }
}

/// Deletes a local account; a missing account is no error.
///
/// # Errors
/// `ERROR_ACCESS_DENIED`.
pub fn delete(name: &str) -> Result<(), Error> {
    administrator("NetUserDel")?.machine().people.remove(name);
    Ok(())
}

/// Deletes the profile of a user: the rehearsal makes none.
///
/// # Errors
/// None.
#[allow(clippy::unnecessary_wraps)] // as on Windows
pub fn delete_profile(_sid: &Sid) -> Result<(), Error> {
    Ok(())
}

/// Whether this is a domain controller.
pub const fn are_of_a_domain() -> bool {
    false
}

fn administrator(name: &'static str) -> Result<call::Call, Error> {
    let call = call::enter();
    let (token, ..) = call.machine().system.ps_reference_effective_token(call.thread());
    if token.is_admin() { Ok(call) } else { Err(Error::win32(name, ACCESS_DENIED)) }
}
