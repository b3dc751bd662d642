//! Files that say they are drivers.

use psimp_harness::driver::Source;
use psimp_host::{Image, LoadError, seal};

/// A file is read twice: as it is, and with the checksum that it should have,
/// because nobody comes upon that by chance.
pub(crate) fn run(bytes: &[u8], _: &[Source]) -> Result<(), String> {
    check(bytes)?;
    let mut sealed = bytes.to_vec();
    if seal(&mut sealed).is_ok() {
        check(&sealed)?;
    }
    Ok(())
}

/// What is taken can be mapped; nothing of it is run.
fn check(bytes: &[u8]) -> Result<(), String> {
    let image = match Image::from_bytes(bytes.to_vec()) {
        Ok(image) => image,
        Err(LoadError::Malformed(_) | LoadError::Unsuitable(_)) => return Ok(()),
        Err(other) => return Err(format!("refused with {other}")),
    };
    if image.bytes() != bytes {
        return Err("other bytes than the file's".to_owned());
    }
    match image.map_only() {
        Ok(()) | Err(LoadError::Unsupported) => Ok(()),
        Err(error) => Err(format!("taken, but not mapped: {error}")),
    }
}
