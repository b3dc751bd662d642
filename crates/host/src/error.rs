//! The reasons why an image does not load or a driver does not start.

use crate::Fault;
use psimp_nt::Status;
use std::path::PathBuf;

/// The reason why a kernel would not load a file as an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}", path = .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The bytes are not a well-formed PE32+ image.
    #[error("not a PE32+ image: {0}")]
    Malformed(String),
    /// A valid image, but not of a driver for this machine.
    #[error("not a driver for x86-64: {0}")]
    Unsuitable(String),
    /// The system refused memory or a change of its protection.
    #[error("cannot map the image: {0}")]
    Map(std::io::Error),
    /// This system cannot run the image.
    #[error("the image target needs x86-64 Linux")]
    Unsupported,
}

/// The reason why a driver did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The image does not load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// `DriverEntry` failed with this status.
    #[error("DriverEntry failed with {0}")]
    Status(Status),
    /// The driver broke a contract.
    #[error(transparent)]
    Fault(#[from] Fault),
}
