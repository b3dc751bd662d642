//! Settings of the driver.

use psimp_windows::Error;

/// Whether the driver of a service starts with this value of a setting, or without it: that of the rehearsal has none.
///
/// # Errors
/// None.
#[allow(clippy::unnecessary_wraps)] // as on Windows
pub const fn is(_service: &str, _name: &str, wanted: Option<u32>) -> Result<bool, Error> {
    Ok(wanted.is_none())
}
