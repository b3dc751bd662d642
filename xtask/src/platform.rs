//! What differs between systems. The tasks that build the driver run on Linux; that this program compiles
//! elsewhere keeps the workspace's own checks running there.

use std::io;
use std::path::Path;
use std::process::Command;

/// Makes a symbolic link.
#[cfg(unix)]
pub(crate) fn symlink(to: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

/// Makes a symbolic link.
#[cfg(not(unix))]
pub(crate) fn symlink(_to: &Path, _at: &Path) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "the cross build runs on Linux; with the WDK, use cargo make",
    ))
}

/// Lets a program see this name as the one that it is called by.
#[cfg(unix)]
pub(crate) fn set_name(command: &mut Command, name: &str) {
    std::os::unix::process::CommandExt::arg0(command, name);
}

/// Lets a program see this name as the one that it is called by.
#[cfg(not(unix))]
pub(crate) fn set_name(_command: &mut Command, _name: &str) {}

/// True if this program may install packages by itself.
#[cfg(unix)]
pub(crate) fn is_root() -> io::Result<bool> {
    // The owner of this entry is the user that runs this program.
    Ok(std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self")?) == 0)
}

/// True if this program may install packages by itself.
#[cfg(not(unix))]
pub(crate) fn is_root() -> io::Result<bool> {
    Ok(false)
}
