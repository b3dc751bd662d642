//! Helpers of several tests.
#![allow(dead_code)] // each test file uses a part

use psimp_host::Image;
use snapbox::data::{Data, DataFormat};
use snapbox::{IntoData, assert_data_eq};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Fails unless the text equals the file's, whose path is relative to this package. `SNAPSHOTS=overwrite`
/// rewrites the file.
#[track_caller]
pub(crate) fn compare(file: &str, text: impl IntoData) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    // Without `raw`, the file could have wildcards, and `\` would be `/`.
    assert_data_eq!(text, Data::read_from(&path, Some(DataFormat::Text)).raw());
}

/// The path of psimp.sys.
pub(crate) fn image_path() -> PathBuf {
    std::env::var_os("PSIMP_SYS").expect("PSIMP_SYS must name psimp.sys").into()
}

/// psimp.sys.
pub(crate) fn image() -> Arc<Image> {
    Arc::new(Image::open(&image_path()).expect("the image loads"))
}

/// The folder of the mutants.
pub(crate) fn mutants() -> PathBuf {
    std::env::var_os("PSIMP_MUTANTS").expect("PSIMP_MUTANTS must name the folder of the mutants").into()
}
