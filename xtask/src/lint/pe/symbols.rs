//! What an image has of its symbols.

use anyhow::{Context, Result, anyhow};
use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile64};

/// Clears the headers and what belongs to the symbols, which change with every source file, so that the same code and
/// data are the same bytes.
pub(crate) fn clear(image: &mut [u8]) -> Result<()> {
    let file = PeFile64::parse(&*image)?;
    let headers = file.nt_headers().optional_header().size_of_headers();
    let mut ranges = vec![(0, headers)];
    let sections = file.section_table();
    if let Some(directory) = file.data_directory(pe::IMAGE_DIRECTORY_ENTRY_DEBUG) {
        ranges.push(directory.file_range(&sections)?);
        let bytes = directory.data(&*image, &sections)?;
        let count = bytes.len() / size_of::<pe::ImageDebugDirectory>();
        let (entries, _) = object::slice_from_bytes::<pe::ImageDebugDirectory>(bytes, count)
            .map_err(|()| anyhow!("the debug directory is cut off"))?;
        ranges.extend(
            entries.iter().map(|entry| (entry.pointer_to_raw_data.get(LE), entry.size_of_data.get(LE))),
        );
    }
    for (start, length) in ranges {
        let end = start.checked_add(length).context("a range of the image wraps around")?;
        image.get_mut(start as usize..end as usize).context("a range is outside of the image")?.fill(0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sample::{ENTRY, KEPT, MARK, PDB_NAME, SPARE, Sample};
    use super::super::tests::{file_offset, set_directory};
    use super::{clear, pe};

    #[test]
    fn headers_and_symbols_are_cleared_and_nothing_else() {
        let image = Sample::new().build();
        let cleared = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut image = image.clone();
            change(&mut image);
            clear(&mut image).expect("an image");
            image
        };
        let whole = cleared(&|_| ());
        let flipped = |rva| {
            let offset = file_offset(&image, rva);
            cleared(&|image| image[offset] ^= 1)
        };
        for rva in [PDB_NAME, PDB_NAME - 20, MARK] {
            assert_eq!(flipped(rva), whole, "{rva:#x}");
        }
        // The time, in the headers.
        let headers = usize::from(image[0x3c]);
        assert_eq!(cleared(&|image| image[headers + 8] ^= 1), whole);
        for rva in [ENTRY, SPARE, KEPT] {
            assert_ne!(flipped(rva), whole, "{rva:#x}");
        }
        let mut wrong = image.clone();
        set_directory(&mut wrong, pe::IMAGE_DIRECTORY_ENTRY_DEBUG, 0x10_0000, 28);
        clear(&mut wrong).expect_err("a directory beyond the file");
    }
}
