//! A PE image: read and checked, not yet mapped.
//!
//! Nothing in a file is trusted. An image that passes these checks can be mapped without further
//! ones: sections are in order and inside the image, and every fix-up and every import slot is
//! inside a section.

mod checksum;
mod guard;
mod headers;
mod imports;
mod names;
mod relocations;
mod sections;

use crate::LoadError;
use std::fs;
use std::ops::Range;
use std::path::Path;

pub use checksum::seal;
pub(crate) use guard::Guard;
pub(crate) use imports::Import;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) use sections::Protection;
pub(crate) use sections::Section;

/// Granularity of mapping and protection.
pub(crate) const PAGE: u32 = 0x1000;

/// A driver image, checked and ready to be mapped.
#[derive(Clone, Debug)]
pub struct Image {
    name: &'static str,
    bytes: Vec<u8>,
    layout: Layout,
}

/// The contents of the headers, checked to be in bounds.
#[derive(Clone, Debug)]
#[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), allow(dead_code))]
pub(crate) struct Layout {
    /// Bytes of address space, a multiple of the page size.
    pub(crate) size: u32,
    /// The headers, in bytes of the file.
    pub(crate) headers: u32,
    /// The preferred base address.
    pub(crate) preferred_base: u64,
    /// Offset of the entry point, in an executable section.
    pub(crate) entry: u32,
    /// The sections in ascending order.
    pub(crate) sections: Vec<Section>,
    /// Offsets of 64-bit addresses to be adjusted.
    pub(crate) relocations: Vec<u32>,
    /// The slots of the import address table.
    pub(crate) imports: Vec<Import>,
    /// The table of functions (`.pdata`) for unwinding, in a read-only section; empty when there is
    /// none.
    pub(crate) functions: Range<u32>,
    /// What is needed to guard its calls through pointers, if they are guarded.
    pub(crate) guard: Option<Guard>,
}

impl Image {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it cannot be read or a kernel would not load it.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let bytes = fs::read(path).map_err(|error| LoadError::Read { path: path.to_owned(), error })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self { name: names::keep(&name), ..Self::from_bytes(bytes)? })
    }

    /// Checks the bytes of a file, which faults then name `image.sys`.
    ///
    /// # Errors
    /// When a kernel would not load it.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, LoadError> {
        let layout = headers::read(&bytes)?;
        Ok(Self { name: "image.sys", bytes, layout })
    }

    /// The file name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    #[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), allow(dead_code))]
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }
}

fn malformed(what: impl Into<String>) -> LoadError {
    LoadError::Malformed(what.into())
}

fn unsuitable(what: impl Into<String>) -> LoadError {
    LoadError::Unsuitable(what.into())
}

impl From<object::read::Error> for LoadError {
    fn from(error: object::read::Error) -> Self {
        malformed(error.to_string())
    }
}
