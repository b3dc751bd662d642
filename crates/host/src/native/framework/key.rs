//! A key of the registry.

use super::children::Child;
use super::typed_context::TypedContext;
use crate::native::contracts::object_address::Kind;

/// `WDFKEY`: the service's key `Parameters`, opened for reading.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) handle: u64,
    pub(crate) parent: u64,
    pub(crate) context: TypedContext,
}

impl Child for Key {
    const KIND: Kind = Kind::Key;

    fn handle(&self) -> u64 {
        self.handle
    }

    fn parent(&self) -> u64 {
        self.parent
    }
}
