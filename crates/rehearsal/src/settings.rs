//! Settings of the driver.

use crate::call;
use psimp_windows::Error;

/// Whether the driver was started with this value of a setting, or without it. There is one service, the driver's.
///
/// # Errors
/// None.
#[allow(clippy::unnecessary_wraps)] // as on Windows
pub fn is(_service: &str, name: &str, wanted: Option<u32>) -> Result<bool, Error> {
    Ok(call::enter().machine().settings.get(name).copied() == wanted)
}
