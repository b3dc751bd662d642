//! Names for the addresses of a stripped image: from its imports and exports, and from the linker's map if that
//! is the map of this very image.

use std::collections::BTreeMap;

use super::Pe;
use super::unwind::Frame;

/// The entry point, which is in KMDF's library.
const ENTRY: &str = "FxDriverEntry";

/// The names of functions, by address.
pub(super) struct Names(BTreeMap<u32, String>);

impl Names {
    pub(super) fn new(pe: &Pe<'_>, frames: &[Frame], map: &str) -> Self {
        let mut names = of_map(pe, frames, map);
        names.extend(pe.exports.iter().map(|(name, rva)| (*rva, name.clone())));
        names.insert(pe.entry, ENTRY.to_owned());
        Self(names)
    }

    pub(super) fn of(&self, rva: u32) -> String {
        self.0.get(&rva).cloned().unwrap_or_else(|| format!("function_{rva:x}"))
    }
}

/// The functions that a map lists, if it is the map of this image: it has every function with a frame, the entry
/// point and the exports at their addresses.
fn of_map(pe: &Pe<'_>, frames: &[Frame], map: &str) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for line in map.lines() {
        // section:offset, name, address, the object it comes from
        let words: Vec<_> = line.split_whitespace().collect();
        let [place, name, address, _] = words[..] else { continue };
        let address = u64::from_str_radix(address, 16).ok().filter(|_| place.contains(':'));
        let rva = address.and_then(|address| u32::try_from(address.checked_sub(pe.base)?).ok());
        if let Some(rva) = rva.filter(|rva| pe.runs(*rva)) {
            names.insert(rva, format!("{:#}", rustc_demangle::demangle(name)));
        }
    }
    let listed = |rva: u32, name: &str| names.get(&rva).is_some_and(|listed| listed == name);
    let is_ours = frames.iter().all(|frame| names.contains_key(&frame.range.start))
        && listed(pe.entry, ENTRY)
        && pe.exports.iter().all(|(name, rva)| !pe.runs(*rva) || listed(*rva, name));
    if is_ours { names } else { BTreeMap::new() }
}
