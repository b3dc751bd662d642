//! Kernel handles that the driver opened.

use psimp_model::Object;

/// A handle.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(crate) value: u64,
    pub(crate) object: Object,
    pub(crate) granted: u32,
    /// The function that created it.
    pub(crate) function: &'static str,
    /// Return address of that call.
    pub(crate) caller: u64,
}

/// Handles in the order in which they were opened.
#[derive(Debug, Default)]
pub(crate) struct Handles(Vec<Handle>);

/// Handles of the kernel have these bits.
const KERNEL: u64 = 0xFFFF_FFFF_8000_0000;

/// The current process and thread, whose pseudo-handles are valid in every
/// table.
const PSEUDO: &[u64] = &[u64::MAX, u64::MAX - 1];

/// Whether a value stands for the current process or thread.
pub(crate) fn is_pseudo(value: u64) -> bool {
    PSEUDO.contains(&value)
}

/// Whether a value is a handle of the kernel's table.
pub(crate) fn is_kernel(value: u64) -> bool {
    value & KERNEL == KERNEL && !is_pseudo(value)
}

/// The value of a new handle.
pub(crate) fn value(serial: u64) -> u64 {
    // Multiples of four, away from the pseudo-handles at the end.
    const VALUES: u64 = (1 << 29) - 16;
    KERNEL | (serial % VALUES + 1) << 2
}

impl Handles {
    /// Records a handle.
    pub(crate) fn add(&mut self, handle: Handle) {
        self.0.push(handle);
    }

    /// A handle.
    pub(crate) fn get(&self, value: u64) -> Option<&Handle> {
        self.0.iter().rev().find(|handle| handle.value == value)
    }

    /// Removes a handle from the list.
    pub(crate) fn remove(&mut self, value: u64) -> Option<Handle> {
        let index = self.0.iter().rposition(|handle| handle.value == value)?;
        Some(self.0.swap_remove(index))
    }

    /// All handles.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Handle> {
        self.0.iter()
    }

    /// Empties the list and returns the open handles, if any.
    pub(crate) fn settle(&mut self) -> Option<Vec<Handle>> {
        (!self.0.is_empty()).then(|| std::mem::take(&mut self.0))
    }
}
