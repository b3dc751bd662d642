//! From a control code to a reply: the checks common to every IOCTL.

use crate::{Kernel, evaluate, impersonate, restore, serve, slot};
use psimp_nt::Status;
use psimp_protocol::wire;
use psimp_protocol::{AccessCheckRequest, Ioctl, MAX_REPLY, MAX_SAVES, Operation, PROTOCOL_VERSION, Target};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The caller's properties that the shell around the service passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The request came from user mode, so that handles are checked.
    pub from_user_mode: bool,
    /// The calling process is the one that opened the file object.
    pub opened_file: bool,
}

/// The bytes of a reply.
#[derive(Clone, Copy)]
pub struct Reply {
    bytes: [u8; MAX_REPLY],
    length: usize,
}

impl Reply {
    /// A reply without bytes.
    pub const EMPTY: Self = Self { bytes: [0; MAX_REPLY], length: 0 };

    /// Puts one structure of [`wire`] into it, if there is one.
    fn put<T: IntoBytes + Immutable>(&mut self, answer: &Result<T, Status>) -> Result<(), Status> {
        match answer {
            Ok(structure) => {
                self.copy(structure.as_bytes());
                Ok(())
            }
            Err(status) => Err(*status),
        }
    }

    fn copy(&mut self, source: &[u8]) {
        if let Some(bytes) = self.bytes.get_mut(..source.len()) {
            bytes.copy_from_slice(source);
            self.length = source.len();
        }
    }

    /// The bytes that go to the caller.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

/// Answers one request, at `PASSIVE_LEVEL`. `input` is what the caller sent, `output_capacity` the
/// length in bytes of the caller's output buffer, or the status with which retrieving it failed.
/// The answer goes into `reply`, which is empty before. When an error is returned nothing has
/// changed, except as RESTORE and REVERT document.
///
/// # Errors
/// The status to complete the request with. The order of the checks is part of
/// the contract: requestor, file object, control code, input length,
/// output length, fields, handles.
pub fn dispatch<K: Kernel>(
    kernel: &K,
    caller: Caller,
    code: u32,
    input: &[u8],
    output_capacity: Result<usize, Status>,
    reply: &mut Reply,
) -> Result<(), Status> {
    if !caller.from_user_mode || !caller.opened_file {
        return Err(Status::ACCESS_DENIED);
    }
    let row = Ioctl::by_code(code).ok_or(Status::INVALID_DEVICE_REQUEST)?;
    if !row.input.takes(input.len()) {
        return Err(Status::INFO_LENGTH_MISMATCH);
    }
    match output_capacity {
        Ok(length) if length < row.output() => return Err(Status::BUFFER_TOO_SMALL),
        Ok(_) => (),
        Err(status) => {
            // Without room for the reply nothing is changed, so that no change goes unreported.
            // The exception is REVERT: a thread can always stop impersonating.
            if row.operation == Operation::Revert {
                kernel.revert_to_self();
            }
            return Err(status);
        }
    }
    match row.operation {
        Operation::Version => reply.put(&Ok(version())),
        Operation::Impersonate => {
            let claim: wire::Impersonate = read(input)?;
            reply.put(&impersonate::impersonate(kernel, claim.try_into()?))
        }
        Operation::Query => reply.put(&slot::query(kernel, target(input)?)),
        Operation::Save => reply.put(&restore::save(kernel, target(input)?)),
        Operation::Restore => {
            let claim: wire::Restore = read(input)?;
            reply.put(&restore::restore(kernel, claim.try_into()?))
        }
        Operation::Discard => {
            let claim: wire::Discard = read(input)?;
            restore::discard(kernel, claim.try_into()?)
        }
        Operation::Revert => reply.put(&Ok(slot::revert(kernel))),
        Operation::End => reply.put(&slot::end(kernel, target(input)?)),
        Operation::Evaluate => {
            let claim: wire::Impersonate = read(input)?;
            reply.put(&evaluate::evaluate(kernel, claim.try_into()?))
        }
        Operation::AccessCheck | Operation::WorkerCheck => {
            let (descriptor, desired) = access_request(input)?;
            let caller = access(kernel.access_check(descriptor, desired))?;
            if row.operation == Operation::AccessCheck {
                return reply.put(&Ok(caller));
            }
            let worker = access(kernel.worker_access_check(descriptor, desired))?;
            reply.put(&Ok(wire::WorkerAccess { caller, worker }))
        }
        Operation::NextClient => {
            let claim: wire::NextClient = read(input)?;
            reply.put(&serve::next_client(kernel, claim.try_into()?))
        }
        Operation::Serve => {
            let claim: wire::Serve = read(input)?;
            reply.put(&serve::impersonate_client(kernel, claim.try_into()?))
        }
    }
}

fn read<T: FromBytes>(input: &[u8]) -> Result<T, Status> {
    T::read_from_bytes(input).map_err(|_| Status::INFO_LENGTH_MISMATCH)
}

fn target(input: &[u8]) -> Result<Target, Status> {
    read::<wire::Thread>(input)?.try_into()
}

/// The descriptor of an access check, not yet validated, and the desired access.
fn access_request(input: &[u8]) -> Result<(&[u8], u32), Status> {
    let (claim, descriptor) =
        wire::AccessCheck::read_from_prefix(input).map_err(|_| Status::INFO_LENGTH_MISMATCH)?;
    let request = AccessCheckRequest::new(&claim, descriptor.len())?;
    Ok((descriptor, request.desired))
}

fn access(checked: Result<(u32, Status), Status>) -> Result<wire::Access, Status> {
    checked.map(|(granted, status)| wire::Access { granted, status: status.0 })
}

fn version() -> wire::Version {
    wire::Version {
        protocol: PROTOCOL_VERSION,
        driver: DRIVER_VERSION,
        reserved: 0,
        #[allow(clippy::cast_possible_truncation)] // 16
        max_saves: MAX_SAVES as u32,
        build_id: BUILD_ID,
    }
}

const DRIVER_VERSION: [u16; 3] = [
    number(env!("CARGO_PKG_VERSION_MAJOR")),
    number(env!("CARGO_PKG_VERSION_MINOR")),
    number(env!("CARGO_PKG_VERSION_PATCH")),
];

/// Set by the build from the source revision; zeros in a build without one.
const BUILD_ID: [u8; 16] = match option_env!("PSIMP_BUILD_ID") {
    Some(id) => match id.as_bytes().first_chunk() {
        Some(id) => *id,
        None => panic!("PSIMP_BUILD_ID is shorter than 16 digits"),
    },
    None => [b'0'; 16],
};

const fn number(digits: &str) -> u16 {
    match u16::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("a version part does not fit 16 bits"),
    }
}
