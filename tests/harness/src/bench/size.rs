//! How large the image is.

use super::SectionSize;
use object::{Object, ObjectSection};
use psimp_host::Image;

/// Its sections, in the order of the file.
pub(super) fn sections(image: &Image) -> anyhow::Result<Vec<SectionSize>> {
    let file = object::read::pe::PeFile64::parse(image.bytes())?;
    file.sections()
        .map(|section| {
            Ok(SectionSize {
                name: section.name()?.trim_start_matches('.').to_owned(),
                memory: section.size(),
                file: section.file_range().map_or(0, |(_, length)| length),
            })
        })
        .collect()
}
