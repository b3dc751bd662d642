//! Builds the driver a second time, from a copy of the tree in another folder, and compares the bytes.

use std::fs;

use anyhow::{Result, bail};

use crate::build::{self, Arch, Image};
use crate::checkout_copy;
use crate::workspace::Workspace;

/// Fails unless a build of the copy of the checkout makes the same image.
pub(crate) fn check(workspace: &Workspace, image: &Image, arch: Arch) -> Result<()> {
    let second = build::driver_for(&checkout_copy::make(workspace)?, arch)?;
    let (ours, theirs) = (fs::read(&image.path)?, fs::read(&second.path)?);
    if ours == theirs {
        eprintln!("both have the SHA-256 {}", second.sha256);
        return Ok(());
    }
    let offset = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
    bail!(
        "the image depends on the folder that it is built in: {} and {} differ, first at {:#x}",
        image.path.display(),
        second.path.display(),
        offset.unwrap_or(ours.len().min(theirs.len())),
    )
}
