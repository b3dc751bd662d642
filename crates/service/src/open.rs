//! Opens of the device: the meaning of the name, and the right to serve.

use psimp_nt::Status;
use psimp_protocol::{CLIENT_NAME, SERVER_SECURITY};

/// The role of a file object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The device itself was opened: the file object takes the IOCTLs.
    Server,
    /// [`CLIENT_NAME`] was opened: the file object is a connection.
    Client,
}

/// Decides an open of the device: `name` is what is opened below it, empty for the device itself,
/// and `desired` the access asked for, with generic rights mapped. The I/O manager has checked that
/// against the device's own descriptor, whatever the name. With the setting `Clients` that admits
/// every user, so the opener of the device itself has to pass [`SERVER_SECURITY`] as well;
/// `access_check` checks it as [`crate::Kernel::access_check`] does.
///
/// # Errors
/// `ACCESS_DENIED` for an opener that may not serve; `OBJECT_NAME_NOT_FOUND` for any other name.
pub fn open(
    name: &[u16],
    desired: u32,
    access_check: impl FnOnce(&[u8], u32) -> Result<(u32, Status), Status>,
) -> Result<Role, Status> {
    if name.is_empty() {
        let (_, status) = access_check(&SERVERS.0, desired | FILE_READ_ATTRIBUTES)?;
        status.ok()?;
        Ok(Role::Server)
    } else if is_client(name) {
        Ok(Role::Client)
    } else {
        Err(Status::OBJECT_NAME_NOT_FOUND)
    }
}

/// Checked in every case, including an open that requests no access.
const FILE_READ_ATTRIBUTES: u32 = 0x80;

/// [`SERVER_SECURITY`], aligned for its structures.
#[repr(C, align(8))]
struct Descriptor([u8; SERVER_SECURITY.len()]);
static SERVERS: Descriptor = Descriptor(SERVER_SECURITY);

/// Whether the name is [`CLIENT_NAME`], ignoring case.
fn is_client(name: &[u16]) -> bool {
    // Beyond ASCII nothing is a letter of the name, and neither is zero.
    let narrow = |&unit: &u16| u8::try_from(unit).unwrap_or(0).to_ascii_lowercase();
    name.iter().map(narrow).eq(CLIENT_NAME.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of an open of a name, given the result of the access check.
    fn opened(name: &str, desired: u32, check: Result<(u32, Status), Status>) -> Result<Role, Status> {
        let mut wide = [0; 16];
        let mut length = 0;
        for (to, from) in wide.iter_mut().zip(name.encode_utf16()) {
            *to = from;
            length += 1;
        }
        open(&wide[..length], desired, |descriptor, asked| {
            assert_eq!((descriptor, asked), (&SERVER_SECURITY[..], desired | 0x80));
            check
        })
    }

    #[test]
    fn the_device_itself_is_for_those_who_may_serve() {
        for desired in [0, 1, 0x0012_0089] {
            assert_eq!(opened("", desired, Ok((desired, Status::SUCCESS))), Ok(Role::Server));
            assert_eq!(opened("", desired, Ok((0, Status::ACCESS_DENIED))), Err(Status::ACCESS_DENIED));
        }
        let failed = Err(Status::INSUFFICIENT_RESOURCES);
        assert_eq!(opened("", 1, failed), Err(Status::INSUFFICIENT_RESOURCES));
    }

    #[test]
    fn a_client_needs_its_name_and_no_more() {
        let denied = Ok((0, Status::ACCESS_DENIED));
        for name in [r"\Client", r"\CLIENT", r"\client"] {
            assert_eq!(opened(name, 1, denied), Ok(Role::Client), "{name}");
        }
        for name in ["Client", r"\Clien", r"\Client\", r"\Clients", "\\Cl\u{131}ent", r"\"] {
            assert_eq!(opened(name, 1, denied), Err(Status::OBJECT_NAME_NOT_FOUND), "{name}");
        }
    }
}
