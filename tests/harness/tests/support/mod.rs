//! What several tests need.

use std::path::Path;
use std::{env, fs};

/// Fails unless the text is what the file in `golden/` holds. `UPDATE_GOLDEN=1` rewrites the file.
pub(crate) fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        return fs::write(&path, text).expect("golden file is writable");
    }
    // Git may have given the file the line ends of the system.
    let golden = fs::read_to_string(&path).expect("golden file exists").replace("\r\n", "\n");
    assert!(text == golden, "{name} differs; UPDATE_GOLDEN=1 rewrites it.\n{}", difference(&golden, text));
}

/// The lines from the first to the last that differ: those of the file, and those that came.
fn difference(golden: &str, text: &str) -> String {
    let (mut old, mut new): (Vec<_>, Vec<_>) = (golden.lines().collect(), text.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    old.drain(..same);
    new.drain(..same);
    while !old.is_empty() && old.last() == new.last() {
        old.pop();
        new.pop();
    }
    let lines =
        old.iter().map(|line| format!("-{line}\n")).chain(new.iter().map(|line| format!("+{line}\n")));
    format!("@@ line {} @@\n{}", same + 1, lines.collect::<String>())
}
