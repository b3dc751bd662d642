//! The console. That of the rehearsal ends no process: what it made is in memory and goes with it.

use psimp_windows::Error;

/// Takes the routine that would run before the console ends the process.
///
/// # Errors
/// None.
#[allow(clippy::unnecessary_wraps)] // as on Windows
pub fn before_the_end(_last: impl Fn() + Send + Sync + 'static) -> Result<(), Error> {
    Ok(())
}
