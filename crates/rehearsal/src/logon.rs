//! Logging on.

use crate::call;
use crate::handle::OwnedHandle;
use crate::random::Password;
use crate::{Token, people};
use psimp_model::{Object, rights};
use psimp_windows::Error;
pub use psimp_windows::values::Kind;

const LOGON_FAILURE: u32 = 1326;
const LOGON_TYPE_NOT_GRANTED: u32 = 1385;
const PRIVILEGE_NOT_HELD: u32 = 1314;

/// Logs a local account on. The caller's logon session is the origin of the token.
///
/// # Errors
/// `ERROR_LOGON_FAILURE`, or `ERROR_LOGON_TYPE_NOT_GRANTED` if the account lacks the right: Users may log on over the
/// network and interactively.
pub fn local(name: &str, password: &Password, kind: Kind) -> Result<Token, Error> {
    let failed = |code| Error::win32("LogonUserW", code);
    let call = call::enter();
    let machine = call.machine();
    let person = machine.people.find(name).filter(|person| person.password == *password);
    let person = person.ok_or(failed(LOGON_FAILURE))?;
    if !person.is_user || kind == Kind::Batch {
        return Err(failed(LOGON_TYPE_NOT_GRANTED));
    }
    let (caller, ..) = machine.system.ps_reference_effective_token(call.thread());
    let (session, origin) = (machine.people.session(), caller.authentication_id());
    let token = machine.system.create_token(people::user(person.sid, session, origin, kind == Kind::Network));
    let handle = call.process().kernel.handles().insert(Object::Token(token), rights::TOKEN_ALL_ACCESS);
    Ok(Token::from(OwnedHandle::new(call.process(), handle)))
}

/// Logs NT AUTHORITY\LOCAL SERVICE on, which takes `SeTcbPrivilege`: nobody in the rehearsal has it.
///
/// # Errors
/// `ERROR_PRIVILEGE_NOT_HELD`.
pub fn local_service() -> Result<Token, Error> {
    let _call = call::enter();
    Err(Error::win32("LogonUserW", PRIVILEGE_NOT_HELD))
}
