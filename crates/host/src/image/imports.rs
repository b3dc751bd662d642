//! Imports: the functions and variables of other modules that the image uses.

use super::{Section, malformed, unsuitable};
use crate::LoadError;
use object::LittleEndian as LE;
use object::pe::ImageNtHeaders64;
use object::read::pe::{DataDirectories, Import as Entry, SectionTable};

/// One slot of the import address table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), allow(dead_code))]
pub(crate) struct Import {
    /// The module, in lower case.
    pub(crate) module: String,
    /// The name it is exported under.
    pub(crate) name: String,
    /// Offset of the slot that gets the address.
    pub(crate) slot: u32,
}

pub(super) fn read(
    bytes: &[u8],
    directories: &DataDirectories<'_>,
    table: &SectionTable<'_>,
    sections: &[Section],
) -> Result<Vec<Import>, LoadError> {
    let mut imports = Vec::new();
    let Some(imported) = directories.import_table(bytes, table)? else { return Ok(imports) };
    let mut descriptors = imported.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let module = text(imported.name(descriptor.name.get(LE))?)?.to_ascii_lowercase();
        let mut slot = descriptor.first_thunk.get(LE);
        // Some linkers omit the table of names and put the names into the slots.
        let names = match descriptor.original_first_thunk.get(LE) {
            0 => slot,
            names => names,
        };
        let mut thunks = imported.thunks(names)?;
        while let Some(thunk) = thunks.next::<ImageNtHeaders64>()? {
            let name = match imported.import::<ImageNtHeaders64>(thunk)? {
                Entry::Name(_, name) => text(name)?,
                Entry::Ordinal(ordinal) => {
                    return Err(unsuitable(format!("ordinal {ordinal} of {module} instead of a name")));
                }
            };
            if !sections.iter().any(|section| section.holds(slot, 8)) {
                return Err(malformed(format!("the slot for {module}!{name} is in no section")));
            }
            imports.push(Import { module: module.clone(), name: name.to_owned(), slot });
            slot = slot.checked_add(8).ok_or_else(|| malformed("the import address table has no end"))?;
        }
    }
    Ok(imports)
}

fn text(bytes: &[u8]) -> Result<&str, LoadError> {
    let name =
        std::str::from_utf8(bytes).ok().filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic()));
    name.ok_or_else(|| malformed(format!("a name that is none: {}", bytes.escape_ascii())))
}
