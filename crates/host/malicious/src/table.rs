//! The list of all defects.

use crate::defect::Defect;
use core::fmt::{self, Write};

/// The tables, by theme.
static TABLES: &[&[Defect]] = &[
    crate::objects::DEFECTS,
    crate::handles::DEFECTS,
    crate::pool::DEFECTS,
    crate::memory::DEFECTS,
    crate::buffers::DEFECTS,
    crate::requests::DEFECTS,
    crate::framework::DEFECTS,
    crate::levels::DEFECTS,
    crate::locks::DEFECTS,
    crate::processor::DEFECTS,
    crate::life::DEFECTS,
    crate::tracing::DEFECTS,
    crate::clients::DEFECTS,
    crate::settings::DEFECTS,
    crate::work::DEFECTS,
];

/// All defects. Each has a control code by its place here.
pub(crate) fn all() -> impl Iterator<Item = &'static Defect> {
    TABLES.iter().copied().flatten()
}

/// Writes a line for each defect: when, its name, where its code begins in the
/// image. Returns how many bytes it wrote.
///
/// # Errors
/// When the buffer is too small.
pub(crate) fn list(buffer: &mut [u8]) -> Result<usize, fmt::Error> {
    unsafe extern "C" {
        static __ImageBase: u8;
    }
    let base = &raw const __ImageBase;
    let mut text = Text { buffer, length: 0 };
    for Defect { name, when, run } in all() {
        let offset = (*run as *const () as usize).wrapping_sub(base as usize);
        writeln!(text, "{when:?} {name} {offset:X}")?;
    }
    Ok(text.length)
}

struct Text<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.buffer.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
