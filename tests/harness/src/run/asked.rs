//! Which token each thread of a case was last asked to impersonate.

use parking_lot::Mutex;
use psimp_catalogue::{ClientToken, Who};
use std::collections::BTreeMap;

/// The requested tokens, which may differ from the stored ones: the notation of slots compares the two.
#[derive(Default)]
pub(crate) struct Asked(Mutex<BTreeMap<Who, ClientToken>>);

impl Asked {
    /// For this thread.
    pub(crate) fn by(&self, who: Who) -> Option<ClientToken> {
        self.0.lock().get(&who).copied()
    }

    /// Records a request; none for a thread that reverted.
    pub(crate) fn note(&self, who: Who, tok: Option<ClientToken>) {
        let mut asked = self.0.lock();
        match tok {
            Some(tok) => asked.insert(who, tok),
            None => asked.remove(&who),
        };
    }
}
