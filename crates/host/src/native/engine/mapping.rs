//! The image in memory.
#![allow(unsafe_code)] // what is constant in it is lent as it lies there

use super::region::Region;
use crate::image::{Image, Import, PAGE, Protection, Section};
use crate::{LoadError, Site};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// An image that is mapped, relocated and bound.
#[derive(Debug)]
pub(crate) struct Mapping {
    region: Region,
    /// The executable sections, and whether they are discardable.
    code: Vec<(Range<u64>, bool)>,
    /// The discardable sections are gone.
    discarded: AtomicBool,
    sections: Vec<Section>,
    functions: Range<u32>,
    entry: u64,
}

impl Mapping {
    /// Maps an image; `resolve` says what goes into an import slot.
    pub(crate) fn new(image: &Image, resolve: impl Fn(usize, &Import) -> u64) -> Result<Self, LoadError> {
        let layout = image.layout();
        let mut region = Region::new(layout.size as usize)?;
        region.write(0, image.bytes().get(..layout.headers as usize).unwrap_or_default())?;
        for section in &layout.sections {
            region
                .write(section.rva as usize, image.bytes().get(section.file.clone()).unwrap_or_default())?;
        }
        let moved = region.address().wrapping_sub(layout.preferred_base);
        for &rva in &layout.relocations {
            let offset = rva as usize;
            let value = u64::from_le_bytes(region.read(offset).unwrap_or_default()).wrapping_add(moved);
            region.write(offset, &value.to_le_bytes())?;
        }
        for (index, import) in layout.imports.iter().enumerate() {
            region.write(import.slot as usize, &resolve(index, import).to_le_bytes())?;
        }
        let base = region.address();
        let code = layout.sections.iter().filter(|section| section.protection.execute);
        let mapping = Self {
            code: code
                .map(|section| {
                    let start = base + u64::from(section.rva);
                    (start..start + u64::from(section.size), section.discardable)
                })
                .collect(),
            discarded: AtomicBool::new(false),
            entry: base + u64::from(layout.entry),
            sections: layout.sections.clone(),
            functions: layout.functions.clone(),
            region,
        };
        mapping.protect(layout.headers)?;
        Ok(mapping)
    }

    fn protect(&self, headers: u32) -> Result<(), LoadError> {
        const NONE: Protection = Protection { read: false, write: false, execute: false };
        self.region.protect(0..self.region.size(), NONE)?;
        let headers = 0..headers.next_multiple_of(PAGE) as usize;
        self.region.protect(headers, Protection { read: true, ..NONE })?;
        for section in &self.sections {
            self.region.protect(pages(section), section.protection)?;
        }
        Ok(())
    }

    /// Takes away what is needed only for initialisation, as the kernel does
    /// after `DriverEntry`.
    pub(crate) fn discard(&self) -> Result<(), LoadError> {
        const NONE: Protection = Protection { read: false, write: false, execute: false };
        self.discarded.store(true, Ordering::Relaxed);
        for section in self.sections.iter().filter(|section| section.discardable) {
            self.region.protect(pages(section), NONE)?;
        }
        Ok(())
    }

    /// Address of the first byte.
    pub(crate) fn base(&self) -> u64 {
        self.region.address()
    }

    /// Length in bytes.
    pub(crate) fn size(&self) -> usize {
        self.region.size()
    }

    /// Address of the entry point.
    pub(crate) fn entry(&self) -> u64 {
        self.entry
    }

    /// Whether an address is in an executable section that is there.
    pub(crate) fn is_code(&self, address: u64) -> bool {
        let mut code = self.code.iter();
        code.any(|(range, discardable)| {
            range.contains(&address) && !(*discardable && self.discarded.load(Ordering::Relaxed))
        })
    }

    /// An address as a place in the image.
    pub(crate) fn site(&self, address: u64) -> Option<Site> {
        let offset = self.region.offset_of(address)?;
        Some(Site { rva: u32::try_from(offset).ok()? })
    }

    /// What lies at an offset, up to the end of its section, if nobody can write
    /// there.
    pub(crate) fn constant(&self, rva: u32) -> Option<&[u8]> {
        let section = self.sections.iter().find(|section| section.is_constant() && section.holds(rva, 1))?;
        // SAFETY: the section is mapped readable, and not writable, as long as
        // the image is.
        unsafe { self.region.bytes(rva as usize..(section.rva + section.size) as usize) }
    }

    /// The table of functions that tells how to unwind them; empty when the
    /// image has none.
    pub(crate) fn functions(&self) -> &[u8] {
        let table = self.constant(self.functions.start).unwrap_or_default();
        table.get(..self.functions.len()).unwrap_or_default()
    }

    /// The first bytes of an instruction; zeros where there is none.
    pub(crate) fn code_at(&self, address: u64) -> [u8; 4] {
        std::array::from_fn(|index| {
            let address = address.wrapping_add(index as u64);
            let offset = self.region.offset_of(address).filter(|_| self.is_code(address));
            offset.and_then(|offset| self.region.read(offset)).map_or(0, |[byte]| byte)
        })
    }
}

/// Maps an image whose imports lead nowhere, and unmaps it.
pub(crate) fn map_only(image: &Image) -> Result<(), LoadError> {
    Mapping::new(image, |_, _| 0)?.discard()
}

fn pages(section: &Section) -> Range<usize> {
    let start = section.rva as usize;
    start..(start + section.size as usize).next_multiple_of(PAGE as usize)
}
