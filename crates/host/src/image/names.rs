//! The file names of images. A process loads few, and a [`crate::Site`] is copied often, so each
//! name is stored once and never freed.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The name, valid for the lifetime of the process.
pub(super) fn keep(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    // A panic in another thread leaves no name half inserted.
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into());
    names.insert(kept);
    kept
}
