//! Which token each thread of a case was last asked to impersonate.

use parking_lot::Mutex;
use psimp_catalogue::{Tok, Who};
use std::collections::BTreeMap;

/// What was asked for, which need not be what was stored: the notation of slots compares the two.
#[derive(Default)]
pub(crate) struct Asked(Mutex<BTreeMap<Who, Tok>>);

impl Asked {
    /// For this thread.
    pub(crate) fn by(&self, who: Who) -> Option<Tok> {
        self.0.lock().get(&who).copied()
    }

    /// Notes it; none for a thread that reverted.
    pub(crate) fn note(&self, who: Who, tok: Option<Tok>) {
        let mut asked = self.0.lock();
        match tok {
            Some(tok) => asked.insert(who, tok),
            None => asked.remove(&who),
        };
    }
}
