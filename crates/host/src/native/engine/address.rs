//! An address that the driver passed.

/// An address that the driver passed, of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Address(pub(crate) u64);

impl Address {
    pub(crate) const NULL: Self = Self(0);

    /// The address, unless it is null.
    pub(crate) fn non_null(self) -> Option<Self> {
        (self.0 != 0).then_some(self)
    }
}
