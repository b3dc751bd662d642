//! Locally unique identifiers.

use psimp_nt::Luid;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Generates identifiers that are unique on one system.
#[derive(Clone, Debug)]
pub(crate) struct LuidSource(Arc<AtomicU64>);

impl LuidSource {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0x1_0000)))
    }

    pub(crate) fn next(&self) -> Luid {
        Luid(self.0.fetch_add(1, Ordering::Relaxed))
    }
}
