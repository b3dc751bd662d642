//! The image in memory.
#![allow(unsafe_code)] // the image's pages

use super::probe;
use super::region::{Draft, Region};
use super::targets::Targets;
use crate::image::{Guard, Image, Import, PAGE, Protection, Section};
use crate::{LoadError, Site};
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// An image that is mapped, relocated and bound.
#[derive(Debug)]
pub(crate) struct Mapping {
    region: Region,
    /// The executable sections, and whether they are discardable.
    code: Vec<(Range<u64>, bool)>,
    /// Whether the discardable sections have been removed.
    discarded: AtomicBool,
    sections: Vec<Section>,
    functions: Range<u32>,
    /// What the driver may call through a pointer, if its calls are guarded.
    targets: Option<Targets>,
    entry: u64,
    name: &'static str,
}

/// What takes the places of the image's routines for guarded calls, and what they let pass beside its functions.
pub(crate) struct GuardRoutines<'a> {
    pub(crate) check: u64,
    pub(crate) dispatch: u64,
    pub(crate) targets: &'a [u64],
}

/// The address of a function that stays mapped for the lifetime of the value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code<'a> {
    address: u64,
    of: PhantomData<&'a Mapping>,
}

impl Code<'_> {
    /// The thunk of an export, called like a function of the driver.
    pub(super) fn of_thunk(address: u64) -> Self {
        Self { address, of: PhantomData }
    }

    pub(super) fn address(self) -> u64 {
        self.address
    }
}

const NONE: Protection = Protection { read: false, write: false, execute: false };

impl Mapping {
    /// Maps an image; `resolve` returns the value of an import slot.
    pub(crate) fn new(
        image: &Image,
        resolve: impl Fn(usize, &Import) -> u64,
        guard: &GuardRoutines<'_>,
    ) -> Result<Self, LoadError> {
        let layout = image.layout();
        let mut draft = Draft::new(layout.size as usize)?;
        draft.write(0, image.bytes().get(..layout.headers as usize).unwrap_or_default())?;
        for section in &layout.sections {
            draft.write(section.rva as usize, image.bytes().get(section.file.clone()).unwrap_or_default())?;
        }
        let base = draft.address();
        let moved = base.wrapping_sub(layout.preferred_base);
        for &rva in &layout.relocations {
            let value = draft.read_u64(rva as usize).wrapping_add(moved);
            draft.write(rva as usize, &value.to_le_bytes())?;
        }
        for (index, import) in layout.imports.iter().enumerate() {
            draft.write(import.slot as usize, &resolve(index, import).to_le_bytes())?;
        }
        let mut targets = None;
        if let Some(Guard { check, dispatch, functions }) = &layout.guard {
            for (slot, routine) in [(check, guard.check), (dispatch, guard.dispatch)] {
                if let Some(slot) = slot {
                    draft.write(*slot as usize, &routine.to_le_bytes())?;
                }
            }
            let own = functions.iter().map(|&rva| base + u64::from(rva));
            let table = Targets::new(own.chain(guard.targets.iter().copied()));
            targets = Some(table.ok_or_else(|| {
                LoadError::Unsuitable(format!(
                    "{} functions that may be called through a pointer",
                    functions.len()
                ))
            })?);
        }
        let headers = 0..layout.headers.next_multiple_of(PAGE) as usize;
        let protections = [(0..layout.size as usize, NONE), (headers, Protection { read: true, ..NONE })];
        let sections = layout.sections.iter().map(|section| (pages(section), section.protection));
        let region = draft.finish(protections.into_iter().chain(sections))?;
        let code = layout.sections.iter().filter(|section| section.protection.execute);
        Ok(Self {
            code: code
                .map(|section| {
                    let start = base + u64::from(section.rva);
                    (start..start + u64::from(section.size), section.discardable)
                })
                .collect(),
            discarded: AtomicBool::new(false),
            entry: base + u64::from(layout.entry),
            name: image.name(),
            sections: layout.sections.clone(),
            functions: layout.functions.clone(),
            targets,
            region,
        })
    }

    /// Removes what is needed only for initialisation, as the kernel does
    /// after `DriverEntry`.
    pub(crate) fn discard(&self) -> Result<(), LoadError> {
        self.discarded.store(true, Ordering::Relaxed);
        for section in self.sections.iter().filter(|section| section.discardable) {
            // SAFETY: `constant` lends nothing of a discardable section; the driver that still uses
            // one gets a fault.
            unsafe { self.region.protect(pages(section), NONE) }?;
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

    /// Whether an address is in a mapped executable section.
    pub(crate) fn is_code(&self, address: u64) -> bool {
        let mut code = self.code.iter();
        code.any(|(range, discardable)| {
            range.contains(&address) && !(*discardable && self.discarded.load(Ordering::Relaxed))
        })
    }

    /// The function at an address, if it is in executable code.
    pub(crate) fn function(&self, address: u64) -> Option<Code<'_>> {
        self.is_code(address).then_some(Code { address, of: PhantomData })
    }

    /// What the driver may call through a pointer, if its calls are guarded.
    pub(super) fn targets(&self) -> Option<&Targets> {
        self.targets.as_ref()
    }

    /// Whether the kernel's guarded calls may go to an address.
    pub(crate) fn may_be_called(&self, address: u64) -> bool {
        self.targets.as_ref().is_none_or(|targets| targets.contains(address))
    }

    /// An address as a place in the image.
    pub(crate) fn site(&self, address: u64) -> Option<Site> {
        let offset = self.region.offset_of(address)?;
        Some(self.place(u32::try_from(offset).ok()?))
    }

    /// The place at an offset.
    pub(crate) fn place(&self, rva: u32) -> Site {
        Site { image: self.name, rva }
    }

    /// The bytes from an offset up to the end of its section, if the section is read-only.
    pub(crate) fn constant(&self, rva: u32) -> Option<&[u8]> {
        let section = self.sections.iter().find(|section| section.is_constant() && section.holds(rva, 1))?;
        // SAFETY: the section is mapped readable, and not writable, as long as the image is.
        unsafe { self.region.bytes(rva as usize..(section.rva + section.size) as usize) }
    }

    /// The table of functions for unwinding; empty when the
    /// image has none.
    pub(crate) fn functions(&self) -> &[u8] {
        let table = self.constant(self.functions.start).unwrap_or_default();
        table.get(..self.functions.len()).unwrap_or_default()
    }

    /// The first bytes of an instruction; zeros where there is none.
    pub(crate) fn code_at(&self, address: u64) -> [u8; 4] {
        std::array::from_fn(|index| {
            let address = address.wrapping_add(index as u64);
            let mut byte = [0];
            if self.is_code(address) {
                // If it is not readable, it stays zero.
                let _ = probe::read(&mut byte, address);
            }
            byte[0]
        })
    }
}

fn pages(section: &Section) -> Range<usize> {
    let start = section.rva as usize;
    start..(start + section.size as usize).next_multiple_of(PAGE as usize)
}
