//! System calls of user mode, on tokens and threads.

mod open;
mod thread;
mod token;

pub use token::TokenInformation;

use crate::object::reference_by_handle;
use crate::{Object, ObjectType, Thread, Token};
use psimp_nt::Status;
use std::sync::Arc;

/// The thread behind a handle of the caller, referenced.
pub(crate) fn thread_by_handle(
    caller: &Arc<Thread>,
    handle: u64,
    desired: u32,
) -> Result<Arc<Thread>, Status> {
    match reference_by_handle(caller, handle, ObjectType::Thread, desired)? {
        (Object::Thread(thread), _) => Ok(thread),
        _ => Err(Status::OBJECT_TYPE_MISMATCH),
    }
}

/// The token behind a handle of the caller, referenced, and all the access that
/// the handle grants.
pub(crate) fn token_by_handle(
    caller: &Arc<Thread>,
    handle: u64,
    desired: u32,
) -> Result<(Arc<Token>, u32), Status> {
    match reference_by_handle(caller, handle, ObjectType::Token, desired)? {
        (Object::Token(token), granted) => Ok((token, granted)),
        _ => Err(Status::OBJECT_TYPE_MISMATCH),
    }
}
