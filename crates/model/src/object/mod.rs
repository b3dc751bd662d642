//! Threads, processes, and handles: numbers that a process uses for objects it has opened.

mod process;
mod thread;

pub use process::Process;
pub use thread::{ImpersonationState, SlotState, Thread};

use crate::{Token, rights};
use parking_lot::RwLock;
use psimp_nt::Status;
use std::sync::Arc;

/// Kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectType {
    /// A token.
    Token,
    /// A thread.
    Thread,
    /// A process.
    Process,
    /// An event: in the model, just another object type.
    Event,
}

/// A referenced object.
#[derive(Clone, Debug)]
pub enum Object {
    /// A token.
    Token(Arc<Token>),
    /// A thread.
    Thread(Arc<Thread>),
    /// A process.
    Process(Arc<Process>),
    /// An event.
    Event(Arc<()>),
}

impl Object {
    /// Its type.
    pub fn object_type(&self) -> ObjectType {
        match self {
            Self::Token(_) => ObjectType::Token,
            Self::Thread(_) => ObjectType::Thread,
            Self::Process(_) => ObjectType::Process,
            Self::Event(_) => ObjectType::Event,
        }
    }
}

/// The handle table of a process, or of the kernel.
#[derive(Debug, Default)]
pub struct HandleTable(RwLock<Vec<Option<(Object, u32)>>>);

impl HandleTable {
    /// Handles are multiples of this, which is also the first handle.
    const STEP: u64 = 4;

    /// A new handle with the access granted. On threads and processes the full query right
    /// implies the limited one, as in NT.
    pub fn insert(&self, object: Object, granted: u32) -> u64 {
        let implied = match object {
            Object::Thread(_) if granted & rights::THREAD_QUERY_INFORMATION != 0 => {
                rights::THREAD_QUERY_LIMITED_INFORMATION
            }
            Object::Process(_) if granted & rights::PROCESS_QUERY_INFORMATION != 0 => {
                rights::PROCESS_QUERY_LIMITED_INFORMATION
            }
            _ => 0,
        };
        let granted = granted | implied;
        let mut slots = self.0.write();
        let index = slots.iter().position(Option::is_none).unwrap_or(slots.len());
        if index == slots.len() {
            slots.push(None);
        }
        if let Some(slot) = slots.get_mut(index) {
            *slot = Some((object, granted));
        }
        Self::STEP * (index as u64 + 1)
    }

    /// The object, referenced, and the access its handle grants.
    pub fn get(&self, handle: u64) -> Option<(Object, u32)> {
        self.0.read().get(Self::index(handle)?)?.clone()
    }

    /// Closes a handle; the object is returned so that its reference can be
    /// dropped after the table's lock.
    pub fn remove(&self, handle: u64) -> Option<Object> {
        self.0.write().get_mut(Self::index(handle)?)?.take().map(|(object, _)| object)
    }

    /// Closes every handle; the references are dropped after the table's lock.
    pub(crate) fn close_all(&self) {
        let closed = std::mem::take(&mut *self.0.write());
        drop(closed);
    }

    /// Open handles.
    pub fn count(&self) -> usize {
        self.0.read().iter().flatten().count()
    }

    fn index(handle: u64) -> Option<usize> {
        usize::try_from((handle / Self::STEP).checked_sub(1)?).ok()
    }
}

/// `ObReferenceObjectByHandle` for user mode: the object behind a handle of the
/// process that `thread` is in, when it is of the type and grants the access.
/// Also returns all the access that the handle grants.
///
/// Pseudo-handles are accepted for processes (−1) and threads (−2) only; token
/// pseudo-handles (−4 to −6) and kernel handles are refused.
///
/// # Errors
/// `INVALID_HANDLE`, `OBJECT_TYPE_MISMATCH` or `ACCESS_DENIED`, in this order.
pub fn reference_by_handle(
    thread: &Arc<Thread>,
    handle: u64,
    expected: ObjectType,
    desired: u32,
) -> Result<(Object, u32), Status> {
    const CURRENT_PROCESS: u64 = u64::MAX;
    const CURRENT_THREAD: u64 = u64::MAX - 1;
    let (object, granted) = match handle {
        CURRENT_PROCESS => (Object::Process(thread.current_process()), u32::MAX),
        CURRENT_THREAD => (Object::Thread(thread.clone()), u32::MAX),
        // The sign bit marks kernel handles, on 32-bit callers' handles too.
        _ if handle >> 63 != 0 || handle >> 31 & 1 != 0 => return Err(Status::INVALID_HANDLE),
        _ => thread.with_current_process(|p| p.handles().get(handle)).ok_or(Status::INVALID_HANDLE)?,
    };
    if object.object_type() != expected {
        return Err(Status::OBJECT_TYPE_MISMATCH);
    }
    if granted & desired != desired {
        return Err(Status::ACCESS_DENIED);
    }
    Ok((object, granted))
}

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

/// The process behind a handle of the caller, referenced.
pub(crate) fn process_by_handle(
    caller: &Arc<Thread>,
    handle: u64,
    desired: u32,
) -> Result<Arc<Process>, Status> {
    match reference_by_handle(caller, handle, ObjectType::Process, desired)? {
        (Object::Process(process), _) => Ok(process),
        _ => Err(Status::OBJECT_TYPE_MISMATCH),
    }
}
