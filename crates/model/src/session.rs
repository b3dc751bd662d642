//! Logon sessions: they exist as long as there are references to them.

use parking_lot::Mutex;
use psimp_nt::Luid;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// A logon session. Each token of it holds one reference, copies included.
#[derive(Debug)]
pub(crate) struct LogonSession(Luid);

impl LogonSession {
    pub(crate) fn id(&self) -> Luid {
        self.0
    }
}

/// The logon sessions of a system.
#[derive(Debug, Default)]
pub(crate) struct LogonSessions(Mutex<HashMap<Luid, Weak<LogonSession>>>);

impl LogonSessions {
    /// The session with this id, created if there is none.
    pub(crate) fn reference(&self, id: Luid) -> Arc<LogonSession> {
        let mut sessions = self.0.lock();
        if let Some(session) = sessions.get(&id).and_then(Weak::upgrade) {
            return session;
        }
        sessions.retain(|_, session| session.strong_count() > 0);
        let session = Arc::new(LogonSession(id));
        sessions.insert(id, Arc::downgrade(&session));
        session
    }

    /// References on the session; `None` when it has ended or never existed.
    pub(crate) fn references(&self, id: Luid) -> usize {
        self.0.lock().get(&id).map_or(0, Weak::strong_count)
    }
}
