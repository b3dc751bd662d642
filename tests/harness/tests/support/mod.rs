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
    assert!(text == golden, "{name} differs; UPDATE_GOLDEN=1 rewrites it. It is now:\n{text}");
}
