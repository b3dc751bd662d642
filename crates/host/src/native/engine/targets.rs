//! Control-flow guard: the addresses that a driver may call through a pointer.

/// Of these, three quarters are used at most; an image with more functions is refused.
pub(crate) const SLOTS: usize = 2048;
/// Leaves of a product the bits that number a slot.
pub(crate) const SHIFT: u32 = 64 - SLOTS.trailing_zeros();
/// 2^64 divided by the golden ratio: spreads addresses that are multiples of 16.
pub(crate) const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// A hash table of addresses: each is in the slot that its hash names, or in one of those that follow without a gap.
#[derive(Debug)]
pub(crate) struct Targets(Box<[u64]>);

impl Targets {
    /// The table of these addresses. None when there are too many of them.
    pub(crate) fn new(addresses: impl Iterator<Item = u64>) -> Option<Self> {
        let mut slots = vec![0; SLOTS].into_boxed_slice();
        let mut free = SLOTS / 4 * 3;
        for address in addresses.filter(|&address| address != 0) {
            let place = Self::place(&slots, address)?;
            let slot = slots.get_mut(place)?;
            if *slot == 0 {
                free = free.checked_sub(1)?;
                *slot = address;
            }
        }
        Some(Self(slots))
    }

    pub(crate) fn contains(&self, address: u64) -> bool {
        address != 0 && Self::place(&self.0, address).is_some_and(|place| self.0.get(place) == Some(&address))
    }

    /// For the routines that guarded calls go through.
    pub(super) fn start(&self) -> *const u64 {
        self.0.as_ptr()
    }

    /// The slot that has the address, or could have it.
    fn place(slots: &[u64], address: u64) -> Option<usize> {
        let first = usize::try_from(address.wrapping_mul(FACTOR) >> SHIFT).ok()?;
        let mut places = (first..SLOTS).chain(0..first);
        places.find(|&place| slots.get(place).is_none_or(|&slot| slot == 0 || slot == address))
    }
}

#[cfg(test)]
mod tests {
    use super::{SLOTS, Targets};

    #[test]
    fn every_address_is_found_and_no_other() {
        let addresses = || (0..1000_u64).map(|number| 0x7F00_0000_1000 + number * 16);
        let targets = Targets::new(addresses().chain([0])).expect("not too many");
        assert!(addresses().all(|address| targets.contains(address)));
        assert!(!addresses().any(|address| targets.contains(address + 1)));
        assert!(!targets.contains(0) && !targets.contains(0x7F00_0000_0FF0));
    }

    #[test]
    fn a_table_that_would_be_full_is_not_made() {
        let addresses = |number| (1..=number as u64).map(|number| number * 16);
        assert!(Targets::new(addresses(SLOTS / 4 * 3)).is_some());
        assert!(Targets::new(addresses(SLOTS / 4 * 3).chain(addresses(1))).is_some(), "one is there twice");
        assert!(Targets::new(addresses(SLOTS / 4 * 3 + 1)).is_none());
    }
}
