//! The framework's function table.

use std::sync::OnceLock;

const RECORDED: &str = include_str!("../../../data/kmdf-1.15-slots.csv");

/// Functions of KMDF 1.15.
pub(crate) const SLOTS: usize = 444;

/// The function in a slot.
pub(crate) fn slot_name(slot: usize) -> &'static str {
    static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let rows = RECORDED.lines().skip(1);
        rows.map(|row| row.split_once(',').map_or("", |(_, name)| name)).collect()
    });
    names.get(slot).copied().unwrap_or("no function")
}

#[cfg(test)]
mod tests {
    use super::{RECORDED, SLOTS, slot_name};
    use crate::native::kmdf::TABLES;

    #[test]
    fn the_recorded_table_is_whole() {
        for (slot, row) in RECORDED.lines().skip(1).enumerate() {
            assert_eq!(row, format!("{slot},{}", slot_name(slot)));
        }
        assert_eq!(RECORDED.lines().count(), SLOTS + 1);
        assert_eq!(slot_name(116), "WdfDriverCreate");
    }

    #[test]
    fn every_function_that_is_modelled_has_one_slot() {
        for export in TABLES.iter().copied().flatten() {
            let slots = (0..SLOTS).filter(|&slot| slot_name(slot) == export.name).count();
            assert_eq!(slots, 1, "{}", export.name);
        }
    }
}
