//! The archive: the same files make the same bytes.

use std::io::{Cursor, Read, Write};

use anyhow::{Context, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::date::SourceDate;

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where it is below the bundle's root, with `/` between folder and file.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// Packs the files in the order of their paths, all with the date of the source.
pub(super) fn write(entries: &[Entry], date: SourceDate) -> Result<Vec<u8>> {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by(|one, other| one.path.cmp(&other.path));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(date.to_zip()?)
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in sorted {
        archive.start_file(entry.path.as_str(), options)?;
        archive.write_all(&entry.bytes).with_context(|| format!("cannot pack {}", entry.path))?;
    }
    Ok(archive.finish()?.into_inner())
}

/// Unpacks every file, in the order of the archive.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Entry>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).context("the bundle is no zip archive")?;
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(|| format!("cannot unpack file {index}"))?;
        entries.push(Entry { path: file.name()?.into_owned(), bytes });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::{Entry, SourceDate, read, write};

    #[test]
    fn the_order_of_the_files_does_not_show() {
        let entry = |path: &str| Entry { path: path.to_owned(), bytes: path.repeat(100).into_bytes() };
        let date = SourceDate::from_inf("01/01/2026").expect("a date");
        let one = write(&[entry("x64/b"), entry("a")], date).expect("it is packed");
        let other = write(&[entry("a"), entry("x64/b")], date).expect("it is packed");
        assert_eq!(one, other);
        assert_eq!(read(&one).expect("it is unpacked"), [entry("a"), entry("x64/b")]);
        assert!(read(&one[..one.len() - 30]).is_err());
    }
}
