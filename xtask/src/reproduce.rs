//! Builds the driver a second time, from the [copy of the checkout](checkout_copy) in another folder, and compares the
//! bytes.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::build::{self, Arch, Image};
use crate::checkout_copy;
use crate::workspace::Workspace;

/// Fails unless a build of the copy of the checkout makes the same image and the same symbols.
pub(crate) fn check(workspace: &Workspace, image: &Image, arch: Arch) -> Result<()> {
    let second = build::driver_for(&checkout_copy::make(workspace)?, arch)?;
    same(&image.pdb(), &second.pdb())?;
    same(&image.path, &second.path)?;
    eprintln!("both have the SHA-256 {}", second.sha256);
    Ok(())
}

fn same(our: &Path, their: &Path) -> Result<()> {
    let (ours, theirs) = (fs::read(our)?, fs::read(their)?);
    if ours == theirs {
        return Ok(());
    }
    let offset = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
    bail!(
        "what is built depends on the folder or on the headers' other declarations: {} and {} differ, first at {:#x}",
        our.display(),
        their.display(),
        offset.unwrap_or(ours.len().min(theirs.len())),
    )
}
