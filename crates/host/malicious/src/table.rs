//! What a defect is, and the list of all.

use crate::call::Call;
use core::fmt::{self, Write};

/// When the driver does what it must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// In the request that asks for it.
    Control,
    /// In `DriverEntry`, if the service is called like the defect.
    Start,
    /// When a file is opened, after a request asked for it.
    Create,
    /// When the last handle of a file is closed, after a request asked for it.
    Cleanup,
    /// When the driver is unloaded, after a request asked for it.
    Unload,
}

/// A function that breaks a contract.
pub(crate) struct Defect {
    pub(crate) name: &'static str,
    pub(crate) when: When,
    pub(crate) run: fn(&Call),
}

/// Declares functions that break a contract, and the table of them.
macro_rules! defects {
    ($($(#[$doc:meta])* fn $name:ident [$when:ident] ($call:ident) $body:block)*) => {
        pub(crate) static DEFECTS: &[$crate::table::Defect] = &[$($crate::table::Defect {
            name: stringify!($name),
            when: $crate::table::When::$when,
            run: $name,
        }),*];

        $(
            $(#[$doc])*
            #[inline(never)]
            #[allow(unreachable_code)] // some stop the system
            fn $name($call: &$crate::call::Call) {
                $body;
                // No jump into the last function that is called: it would
                // return to another place than the one that called it.
                core::hint::black_box(());
            }
        )*
    };
}
pub(crate) use defects;

/// The tables, by theme.
static TABLES: [&[Defect]; 15] = [
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
/// image. Says how many bytes that were.
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
