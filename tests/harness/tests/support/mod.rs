//! Helpers of several tests.

use snapbox::data::{Data, DataFormat};
use snapbox::{IntoData, assert_data_eq};
use std::path::Path;

/// Fails unless the text equals the file's, whose path is relative to this package. `SNAPSHOTS=overwrite`
/// rewrites the file.
#[track_caller]
pub(crate) fn compare(file: &str, text: impl IntoData) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    // Without `raw`, the file could have wildcards, and `\` would be `/`.
    assert_data_eq!(text, Data::read_from(&path, Some(DataFormat::Text)).raw());
}
