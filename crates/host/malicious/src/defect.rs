//! The definition of a defect.

use crate::call::Call;

/// When the driver breaks the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// In the request for the defect.
    Control,
    /// In `DriverEntry`, if the service has the defect's name.
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
        pub(crate) static DEFECTS: &[$crate::defect::Defect] = &[$($crate::defect::Defect {
            name: stringify!($name),
            when: $crate::defect::When::$when,
            run: $name,
        }),*];

        $(
            $(#[$doc])*
            #[inline(never)]
            #[allow(unreachable_code)] // some stop the system
            fn $name($call: &$crate::call::Call) {
                $body;
                // Prevents a tail call of the last function, which would return
                // to another place than its caller.
                core::hint::black_box(());
            }
        )*
    };
}
pub(crate) use defects;
