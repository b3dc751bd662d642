//! The version resource, which debuggers, the file's properties and reports of crashes show.

use std::collections::BTreeMap;

use object::pe::{self, IMAGE_DIRECTORY_ENTRY_RESOURCE};
use object::read::pe::{ResourceDirectory, ResourceDirectoryEntryData, ResourceNameOrId};
use object::{LittleEndian as LE, ReadRef as _};

use super::{Pe, Report, Rule};
use crate::lint::VERSION;

pub(super) const RULES: &[Rule] = &[
    ("version-present", "there is a version resource, and no other"),
    ("version-driver", "it is that of a driver for Windows NT"),
    ("version-workspace", "its versions are the workspace's, in four parts"),
    ("version-strings", "it has the texts that are shown, and the name of the file"),
];

/// `VS_FFI_SIGNATURE`, with which a `VS_FIXEDFILEINFO` begins.
const SIGNATURE: u32 = 0xfeef_04bd;

/// `VOS_NT_WINDOWS32`, `VFT_DRV` and `VFT2_DRV_SYSTEM`.
const DRIVER: [u32; 3] = [0x4_0004, 3, 7];

/// The texts that have to be there, and what they have to be, if that is one thing.
const TEXTS: &[(&str, Option<&str>)] = &[
    ("CompanyName", None),
    ("FileDescription", None),
    ("FileVersion", Some(VERSION)),
    ("InternalName", Some("psimp.sys")),
    ("OriginalFilename", Some("psimp.sys")),
    ("ProductName", Some("psimp")),
    ("ProductVersion", Some(env!("CARGO_PKG_VERSION"))),
];

pub(super) fn check(pe: &Pe<'_>, report: &mut Report) {
    let bytes = resource(pe);
    let block = bytes.and_then(Block::read).filter(|block| block.key == "VS_VERSION_INFO");
    let fixed: Vec<_> = block
        .iter()
        .flat_map(|block| block.value.as_chunks().0)
        .map(|field| u32::from_le_bytes(*field))
        .collect();
    // VS_FIXEDFILEINFO: two words for each version, then the mask and the flags, and what it is for.
    let &[SIGNATURE, _, file_high, file_low, product_high, product_low, _, _, system, kind, subtype, _, _] =
        &fixed[..]
    else {
        report.check("version-present", false, || "there is no version resource, or not only one".to_owned());
        return;
    };
    report.check("version-present", true, String::new);
    let driver = [system, kind, subtype];
    report.check("version-driver", driver == DRIVER, || {
        format!("system, type and subtype are {driver:x?}, not {DRIVER:x?}")
    });
    for (high, low) in [(file_high, file_low), (product_high, product_low)] {
        let parts = [high >> 16, high & 0xffff, low >> 16, low & 0xffff].map(|part| part.to_string());
        let version = parts.join(".");
        report.check("version-workspace", version == VERSION, || {
            format!("the image has version {version}, the workspace {VERSION}")
        });
    }
    let mut texts = BTreeMap::new();
    if let Some(block) = block {
        block.texts(&mut texts);
    }
    for (name, wanted) in TEXTS {
        let text = texts.get(*name).map_or("", String::as_str);
        let holds = wanted.map_or(!text.is_empty(), |wanted| wanted == text);
        let rule = if name.ends_with("Version") { "version-workspace" } else { "version-strings" };
        report.check(rule, holds, || format!("{name} is {text:?}"));
    }
    report.figure("version", VERSION);
}

/// The bytes of the one resource, if that is a version.
fn resource<'a>(pe: &Pe<'a>) -> Option<&'a [u8]> {
    let range = pe.directory(IMAGE_DIRECTORY_ENTRY_RESOURCE)?;
    let section = pe.data_at(range.start)?;
    let directory = ResourceDirectory::new(section);
    let mut table = directory.root().ok()?;
    let mut is_version = false;
    loop {
        let [entry] = table.entries else { return None };
        is_version |= matches!(entry.name_or_id(), ResourceNameOrId::Id(id) if id == pe::RT_VERSION);
        let data = match entry.data(directory).ok()? {
            ResourceDirectoryEntryData::Table(inner) => {
                table = inner;
                continue;
            }
            ResourceDirectoryEntryData::Data(data) => data,
        };
        let bytes = pe.data_at(data.offset_to_data.get(LE))?;
        let size = u64::from(data.size.get(LE));
        return bytes.read_bytes_at(0, size).ok().filter(|_| is_version);
    }
}

/// A block of version information: a length, the length and kind of its value, its key, the value and further blocks,
/// each aligned to four bytes.
struct Block<'a> {
    key: String,
    value: &'a [u8],
    is_text: bool,
    inside: &'a [u8],
    length: usize,
}

impl<'a> Block<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let field = |at: usize| Some(usize::from(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?)));
        let (length, value, is_text) = (field(0)?, field(2)?, field(4)? == 1);
        let bytes = bytes.get(..length)?;
        let key = text(bytes.get(6..)?);
        let start = (8 + 2 * key.encode_utf16().count()).next_multiple_of(4);
        // Of text, the length is in units of two bytes.
        let end = start + if is_text { 2 * value } else { value };
        Some(Self {
            key,
            value: bytes.get(start..end).unwrap_or_default(),
            is_text,
            inside: bytes.get(end.next_multiple_of(4)..).unwrap_or_default(),
            length,
        })
    }

    /// The values that are text, by their keys.
    fn texts(&self, texts: &mut BTreeMap<String, String>) {
        if self.is_text && !self.value.is_empty() {
            texts.insert(self.key.clone(), text(self.value));
        }
        let mut rest = self.inside;
        while let Some(block) = Self::read(rest).filter(|block| block.length > 0) {
            block.texts(texts);
            rest = rest.get(block.length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// UTF-16 up to a zero.
fn text(bytes: &[u8]) -> String {
    let units = bytes.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit));
    String::from_utf16_lossy(&units.take_while(|unit| *unit != 0).collect::<Vec<_>>())
}
