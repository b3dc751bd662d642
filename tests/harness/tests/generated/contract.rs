//! What docs/ioctl.md and include/psimp.h take from the tables of psimp-protocol.

use psimp_protocol::IOCTLS;
use psimp_protocol::layout::{Field, Kind, Layout, Value, Values};

/// All structures, each after those that it has in it: the inputs in the order of the operations, then the outputs.
pub(crate) fn structures() -> Vec<&'static Layout> {
    let mut all = Vec::new();
    for layout in IOCTLS.iter().map(|row| row.about().input) {
        add(layout, &mut all);
    }
    for layout in IOCTLS.iter().map(|row| row.about().output) {
        add(layout, &mut all);
    }
    all
}

fn add(layout: &'static Layout, all: &mut Vec<&'static Layout>) {
    if layout.size == 0 || all.iter().any(|known| known.name == layout.name) {
        return;
    }
    for inner in layout.fields.iter().filter_map(inner) {
        add(inner, all);
    }
    all.push(layout);
}

/// The structure that a field consists of.
pub(crate) fn inner(field: &Field) -> Option<&'static Layout> {
    match field.kind {
        Kind::Structure(layout) | Kind::Array(layout) => Some(layout),
        _ => None,
    }
}

/// The lists of values, each once: without those that are another list's.
pub(crate) fn values() -> Vec<&'static Values> {
    let mut all: Vec<&Values> = Vec::new();
    for (_, values) in structures().iter().flat_map(|layout| layout.values) {
        if !all.iter().any(|known| known.name == values.name) {
            all.push(values);
        }
    }
    all
}

/// The numbers of a list with what each means.
pub(crate) fn meanings(values: &Values) -> String {
    let list = values.list.iter().map(|Value { number, meaning, .. }| format!("{number} {meaning}"));
    list.collect::<Vec<_>>().join(", ")
}

/// A comment of rustdoc as one line, whose links become what `link` says: of ``[`crate::X`]`` it gets `X`.
pub(crate) fn prose(doc: &str, link: impl Fn(&str) -> String) -> String {
    let words: Vec<_> = doc.split_whitespace().collect();
    let mut text = words.join(" ");
    while let Some((before, rest)) = text.split_once("[`") {
        let (name, after) = rest.split_once("`]").expect("a link is closed");
        text = format!("{before}{}{after}", link(name.trim_start_matches("crate::")));
    }
    text
}
