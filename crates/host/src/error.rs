//! Why an image does not load or a driver does not start.

use crate::Fault;
use psimp_nt::Status;
use std::path::PathBuf;

/// Why a file is no image that a kernel would load.
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
    /// An image, but not of a driver for this machine.
    #[error("not a driver for x86-64: {0}")]
    Unsuitable(String),
    /// The system refused memory or its protection.
    #[error("cannot map the image: {0}")]
    Map(std::io::Error),
    /// This system cannot run the image.
    #[error("the image target needs x86-64 Linux")]
    Unsupported,
}

/// Why a driver did not start.
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
