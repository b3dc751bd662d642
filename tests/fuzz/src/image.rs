//! Files that claim to be driver images.

use psimp_harness::driver::Source;
use psimp_host::{Image, LoadError, seal};

/// Reads a file twice: as it is, and with the correct checksum, which a fuzzer
/// would hardly find.
pub(crate) fn run(bytes: &[u8], _: &[Source]) -> Result<(), String> {
    check(bytes)?;
    let mut sealed = bytes.to_vec();
    if seal(&mut sealed).is_ok() {
        check(&sealed)?;
    }
    Ok(())
}

/// Checks that an accepted file can be mapped; none of it is run.
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
