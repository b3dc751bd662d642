//! A race in words.

use psimp_catalogue::{Act, End, Ends, Race};
use std::fmt::Write as _;

/// What its threads do, and what may be left.
pub(crate) fn explain(race: &Race) -> String {
    let mut text = format!("Server {}\n", race.server.name());
    if let Some(rules) = race.rules {
        let _ = writeln!(text, "Rules {rules:?}, whatever is asked for");
    }
    section(&mut text, "Before, on T1", race.before);
    for (who, acts) in race.parts {
        section(&mut text, &format!("At the same time, on {who:?}"), acts);
    }
    section(&mut text, "After, on T1", race.after);
    match race.ends {
        Ends::Same(allowed) => ends(&mut text, "Ends", allowed),
        Ends::ByDocument(here, elsewhere) => {
            ends(&mut text, "Ends where the documented rule decides", here);
            ends(&mut text, "Ends where the kernel's own rule decides", elsewhere);
        }
        Ends::ByNt52(here, elsewhere) => {
            ends(&mut text, "Ends on nt52", here);
            ends(&mut text, "Ends on other kernels", elsewhere);
        }
    }
    text
}

fn section(text: &mut String, heading: &str, list: &[Act]) {
    if !list.is_empty() {
        let _ = writeln!(text, "{heading}");
        acts(text, list, 1);
    }
}

fn acts(text: &mut String, list: &[Act], depth: usize) {
    for (index, act) in list.iter().enumerate() {
        let _ = write!(text, "{:margin$}{}. ", "", index + 1, margin = 2 * depth);
        if let Act::Repeat(times, list) = act {
            let _ = writeln!(text, "{times} times");
            acts(text, list, depth + 2);
        } else {
            let _ = writeln!(text, "{act:?}");
        }
    }
}

fn ends(text: &mut String, heading: &str, list: &[End]) {
    let _ = writeln!(text, "{heading}");
    for end in list {
        let slots: Vec<_> = end.slots.iter().map(|(who, slot)| format!("{who:?} {slot}")).collect();
        let references: Vec<_> =
            end.references.iter().map(|(tok, count)| format!("{} {count:+}", tok.name())).collect();
        let must = if end.must_occur { ", under some schedule" } else { "" };
        let _ = writeln!(text, "  {}; references {}{must}", slots.join(", "), references.join(", "));
    }
}
