//! The file names of images. A process loads few, and a [`crate::Site`] is copied often, so each is
//! kept once and for good.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The name, to be kept as long as the process runs.
pub(super) fn keep(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    // A panic elsewhere leaves no name half inserted.
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into());
    names.insert(kept);
    kept
}
