//! Opens of the device: the meaning of the name, and the right to serve.

use psimp_nt::Status;
use psimp_protocol::{CLIENT_NAME, CLIENT_SECURITY, SERVER_SECURITY};

/// The role of a file object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The device itself was opened: the file object takes the IOCTLs.
    Server,
    /// [`CLIENT_NAME`] was opened: the file object is a connection.
    Client,
}

/// An open of the device.
#[derive(Clone, Copy, Debug)]
pub struct Open<'a> {
    /// What is opened below the device; empty for the device itself.
    pub name: &'a [u16],
    /// The name is relative to a handle of the device (`OBJECT_ATTRIBUTES.RootDirectory`).
    pub relative: bool,
    /// The access asked for, with generic rights mapped.
    pub desired: u32,
    /// The setting `Clients`.
    pub every_user_may_connect: bool,
}

/// Decides an open of the device. The I/O manager has checked the access against the device's own
/// descriptor, whatever the name. That has to admit clients as well as servers, and not every
/// framework applies it; so here it is checked once more, against the descriptor of the role.
/// `access_check` checks it as [`crate::Kernel::access_check`] does.
///
/// # Errors
/// `OBJECT_NAME_NOT_FOUND` for any other name, and for a relative one: there is nothing below a file,
/// and that the I/O manager checks the device's descriptor for it is not documented. `ACCESS_DENIED`,
/// or what the access status is, for an opener who may not serve or not connect.
pub fn open(
    open: &Open<'_>,
    access_check: impl FnOnce(&[u8], u32) -> Result<(u32, Status), Status>,
) -> Result<Role, Status> {
    let Open { name, relative, desired, every_user_may_connect } = *open;
    let role = if name.is_empty() {
        Role::Server
    } else if is_client(name) {
        Role::Client
    } else {
        return Err(Status::OBJECT_NAME_NOT_FOUND);
    };
    if relative {
        return Err(Status::OBJECT_NAME_NOT_FOUND);
    }
    let descriptor: &[u8] = match role {
        Role::Client if every_user_may_connect => &CLIENTS.0,
        Role::Client | Role::Server => &SERVERS.0,
    };
    let (_, status) = access_check(descriptor, desired | FILE_READ_ATTRIBUTES)?;
    status.ok()?;
    Ok(role)
}

/// Checked in every case, including an open that requests no access.
const FILE_READ_ATTRIBUTES: u32 = 0x80;

/// A descriptor, aligned for its structures.
#[repr(C, align(8))]
struct Descriptor<const N: usize>([u8; N]);
static SERVERS: Descriptor<{ SERVER_SECURITY.len() }> = Descriptor(SERVER_SECURITY);
static CLIENTS: Descriptor<{ CLIENT_SECURITY.len() }> = Descriptor(CLIENT_SECURITY);

/// Whether the name is [`CLIENT_NAME`], ignoring case.
fn is_client(name: &[u16]) -> bool {
    // Beyond ASCII nothing is a letter of the name, and neither is zero.
    let narrow = |&unit: &u16| u8::try_from(unit).unwrap_or(0).to_ascii_lowercase();
    name.iter().map(narrow).eq(CLIENT_NAME.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of an open of a name, given the expected descriptor and the result of its check.
    fn opened(
        name: &str,
        desired: u32,
        every_user: bool,
        against: &[u8],
        check: Result<(u32, Status), Status>,
    ) -> Result<Role, Status> {
        let mut wide = [0; 16];
        let mut length = 0;
        for (to, from) in wide.iter_mut().zip(name.encode_utf16()) {
            *to = from;
            length += 1;
        }
        let name = &wide[..length];
        let asked = Open { name, relative: false, desired, every_user_may_connect: every_user };
        let unchecked = |_: &[u8], _| unreachable!("nothing is below a file");
        let relative = open(&Open { relative: true, ..asked }, unchecked);
        assert_eq!(relative, Err(Status::OBJECT_NAME_NOT_FOUND), "{name:?}");
        open(&asked, |descriptor, asked| {
            assert_eq!((descriptor, asked), (against, desired | 0x80));
            check
        })
    }

    #[test]
    fn an_opener_passes_the_descriptor_of_the_role() {
        let failed = Err(Status::INSUFFICIENT_RESOURCES);
        for (name, every_user, against, role) in [
            ("", false, &SERVER_SECURITY[..], Role::Server),
            ("", true, &SERVER_SECURITY, Role::Server),
            (r"\Client", false, &SERVER_SECURITY, Role::Client),
            (r"\CLIENT", true, &CLIENT_SECURITY, Role::Client),
            (r"\client", true, &CLIENT_SECURITY, Role::Client),
        ] {
            let opened = |desired, check| opened(name, desired, every_user, against, check);
            for desired in [0, 1, 0x0012_0089] {
                assert_eq!(opened(desired, Ok((desired, Status::SUCCESS))), Ok(role), "{name}");
                assert_eq!(opened(desired, Ok((0, Status::ACCESS_DENIED))), Err(Status::ACCESS_DENIED));
            }
            assert_eq!(opened(1, failed), Err(Status::INSUFFICIENT_RESOURCES));
        }
    }

    #[test]
    fn other_names_are_not_found() {
        for name in ["Client", r"\Clien", r"\Client\", r"\Clients", "\\Cl\u{131}ent", r"\"] {
            let opened = opened(name, 1, true, &[], Ok((1, Status::SUCCESS)));
            assert_eq!(opened, Err(Status::OBJECT_NAME_NOT_FOUND), "{name}");
        }
    }
}
