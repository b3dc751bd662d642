//! No word of how far long work has got: what draws it takes `pow` from a C runtime, which the arm64
//! build for Windows is linked without.

use std::borrow::Cow;

/// Nothing that is drawn.
pub struct Progress;

impl Progress {
    /// Work in so many parts.
    pub fn parts(_count: usize) -> Self {
        Self
    }

    /// Work that takes a while, and does not say how far it is.
    pub fn busy(_what: impl Into<Cow<'static, str>>) -> Self {
        Self
    }

    /// What is at work now.
    pub fn now(&self, _what: impl Into<Cow<'static, str>>) {}

    /// One part more is done.
    pub fn done(&self) {}

    /// Writes lines of the program's own.
    pub fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        write()
    }
}
