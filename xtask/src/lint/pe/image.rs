//! The parts of a PE image that the rules check, by relative virtual address (RVA).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::{Context, Result, ensure};
use object::pe::{self, ImageNtHeaders64};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, Import, PeFile64};
use object::{LittleEndian as LE, Object};

/// A parsed image.
pub(super) struct Pe<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) file: PeFile64<'a>,
    pub(super) sections: Vec<Section<'a>>,
    /// The address that the image is linked for.
    pub(super) base: u64,
    pub(super) entry: u32,
    /// What is imported, by the address of its slot in the import address table.
    pub(super) imports: BTreeMap<u32, ImportedName>,
    /// What is exported.
    pub(super) exports: BTreeMap<String, u32>,
    /// Every 64-bit field that the loader relocates.
    pub(super) relocated: Vec<u32>,
}

/// An import, by name or by ordinal.
#[derive(Debug, Clone)]
pub(super) struct ImportedName {
    pub(super) from: String,
    pub(super) name: String,
    pub(super) by_ordinal: bool,
}

/// A section as it will be mapped.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) name: String,
    /// Where it is mapped, in RVAs.
    pub(super) range: Range<u32>,
    pub(super) flags: u32,
    /// Where its bytes are in the file.
    pub(super) file_range: Range<u32>,
    /// Its bytes in the file, at most its size in memory.
    pub(super) data: &'a [u8],
}

impl Section<'_> {
    pub(super) fn runs(&self) -> bool {
        self.flags & pe::IMAGE_SCN_MEM_EXECUTE != 0
    }

    pub(super) fn is_writable(&self) -> bool {
        self.flags & pe::IMAGE_SCN_MEM_WRITE != 0
    }
}

impl<'a> Pe<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let file = PeFile64::parse(bytes).context("psimp.sys is not a PE32+ image")?;
        let optional = file.nt_headers().optional_header();
        let (base, entry) = (optional.image_base(), optional.address_of_entry_point());
        let sections = sections(bytes, &file)?;
        let mut pe = Self {
            bytes,
            sections,
            base,
            entry,
            imports: BTreeMap::new(),
            exports: exports(&file)?,
            relocated: Vec::new(),
            file,
        };
        pe.imports = pe.read_imports()?;
        pe.relocated = pe.read_relocated();
        Ok(pe)
    }

    pub(super) fn section_at(&self, rva: u32) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.range.contains(&rva))
    }

    /// Whether what is at the address can be executed.
    pub(super) fn runs(&self, rva: u32) -> bool {
        self.section_at(rva).is_some_and(Section::runs)
    }

    /// The code that others can have the address of, as far as data show it: the entry point, the exports, and what
    /// pointers lead to.
    pub(super) fn roots(&self) -> BTreeSet<u32> {
        let exported = self.exports.values().copied();
        let stored = self.relocated.iter().filter_map(|field| self.pointer_at(*field));
        exported.chain(stored).chain([self.entry]).filter(|rva| self.runs(*rva)).collect()
    }

    /// The bytes at an address, up to the end of what its section has in the file.
    pub(super) fn data_at(&self, rva: u32) -> Option<&'a [u8]> {
        let section = self.section_at(rva)?;
        section.data.get((rva - section.range.start) as usize..)
    }

    pub(super) fn u32_at(&self, rva: u32) -> Option<u32> {
        Some(u32::from_le_bytes(*self.data_at(rva)?.first_chunk()?))
    }

    /// The RVA that a 64-bit field points to. Zero, where the file has no bytes for it.
    pub(super) fn pointer_at(&self, rva: u32) -> Option<u32> {
        let value = u64::from_le_bytes(*self.data_at(rva)?.first_chunk()?);
        u32::try_from(value.checked_sub(self.base)?).ok()
    }

    /// The address and size of a data directory, unless it is empty.
    pub(super) fn directory(&self, index: usize) -> Option<Range<u32>> {
        let directory = self.file.data_directory(index)?;
        let (start, size) = (directory.virtual_address.get(LE), directory.size.get(LE));
        (start != 0 && size != 0).then(|| start..start.saturating_add(size))
    }

    fn read_imports(&self) -> Result<BTreeMap<u32, ImportedName>> {
        let mut imports = BTreeMap::new();
        let Some(table) = self.file.import_table()? else { return Ok(imports) };
        let mut descriptors = table.descriptors()?;
        while let Some(descriptor) = descriptors.next()? {
            let library = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).into_owned();
            let mut thunks = table.thunks(descriptor.original_first_thunk.get(LE))?;
            let mut slot = descriptor.first_thunk.get(LE);
            while let Some(thunk) = thunks.next::<ImageNtHeaders64>()? {
                let (name, by_ordinal) = match table.import::<ImageNtHeaders64>(thunk)? {
                    Import::Name(_, name) => (String::from_utf8_lossy(name).into_owned(), false),
                    Import::Ordinal(ordinal) => (format!("#{ordinal}"), true),
                };
                imports.insert(slot, ImportedName { from: library.clone(), name, by_ordinal });
                slot += 8;
            }
        }
        Ok(imports)
    }

    /// The relocations that can be read; the rules about them report the others.
    fn read_relocated(&self) -> Vec<u32> {
        let mut fields = Vec::new();
        let sections = self.file.section_table();
        let Ok(Some(mut blocks)) = self.file.data_directories().relocation_blocks(self.bytes, &sections)
        else {
            return fields;
        };
        while let Ok(Some(block)) = blocks.next() {
            let wide = block.filter(|relocation| relocation.typ == pe::IMAGE_REL_BASED_DIR64);
            fields.extend(wide.map(|relocation| relocation.virtual_address));
        }
        fields
    }
}

fn sections<'a>(bytes: &'a [u8], file: &PeFile64<'a>) -> Result<Vec<Section<'a>>> {
    let mut sections = Vec::new();
    for header in file.section_table().iter() {
        let name = String::from_utf8_lossy(header.raw_name()).into_owned();
        let (start, size) = (header.virtual_address.get(LE), header.virtual_size.get(LE));
        let (offset, length) = (header.pointer_to_raw_data.get(LE), header.size_of_raw_data.get(LE));
        let end = start.checked_add(size).with_context(|| format!("section {name} wraps round"))?;
        let file_end = offset.checked_add(length).with_context(|| format!("section {name} wraps round"))?;
        ensure!(file_end as usize <= bytes.len(), "section {name} goes beyond the end of the file");
        let data = &bytes[offset as usize..file_end as usize];
        sections.push(Section {
            name,
            range: start..end,
            flags: header.characteristics.get(LE),
            file_range: offset..file_end,
            data: &data[..data.len().min(size as usize)],
        });
    }
    Ok(sections)
}

fn exports(file: &PeFile64<'_>) -> Result<BTreeMap<String, u32>> {
    let base = file.relative_address_base();
    let entry = |export: object::Export<'_>| {
        let rva = u32::try_from(export.address() - base).unwrap_or(u32::MAX);
        (String::from_utf8_lossy(export.name()).into_owned(), rva)
    };
    Ok(file.exports()?.into_iter().map(entry).collect())
}
