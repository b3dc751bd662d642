//! Drive letters: each logon session has its own map, layered over the global
//! one.

use crate::{System, Thread};
use parking_lot::RwLock;
use psimp_nt::{Luid, Status};
use std::collections::HashMap;

/// The device maps of a system.
#[derive(Debug, Default)]
pub struct DosDevices(RwLock<HashMap<(Luid, String), String>>);

impl DosDevices {
    /// `DefineDosDevice` in the map of a logon session; the map of
    /// [`Luid::SYSTEM`] is the global one.
    pub fn define(&self, session: Luid, name: &str, target: &str) {
        self.0.write().insert((session, name.to_owned()), target.to_owned());
    }

    fn find(&self, session: Luid, name: &str) -> Option<String> {
        let map = self.0.read();
        let key = |session| (session, name.to_owned());
        map.get(&key(session)).or_else(|| map.get(&key(Luid::SYSTEM))).cloned()
    }
}

impl System {
    /// What `\??\name` stands for, as `thread` now is: the logon session is that
    /// of the impersonation token, so that drive letters change while
    /// impersonating.
    ///
    /// # Errors
    /// `OBJECT_NAME_NOT_FOUND`.
    pub fn resolve_dos_device(&self, thread: &Thread, name: &str) -> Result<String, Status> {
        let (token, ..) = self.ps_reference_effective_token(thread);
        self.devices().find(token.authentication_id(), name).ok_or(Status::OBJECT_NAME_NOT_FOUND)
    }
}
