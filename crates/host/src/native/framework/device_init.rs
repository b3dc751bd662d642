//! `WDFDEVICE_INIT`: the description of a control device.

use super::typed_context::Attributes;

/// A device description.
#[derive(Clone, Debug)]
pub(crate) struct DeviceInit {
    pub(crate) handle: u64,
    /// Return address of the call that created it.
    pub(crate) caller: u64,
    pub(crate) sddl: String,
    pub(crate) name: Option<String>,
    pub(crate) on_io_in_caller_context: u64,
    pub(crate) files: Option<FileConfig>,
}

/// The callbacks for files, and the context of file objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileConfig {
    pub(crate) on_create: u64,
    pub(crate) on_close: u64,
    pub(crate) on_cleanup: u64,
    pub(crate) class: FileClass,
    pub(crate) attributes: Attributes,
}

/// `WDF_FILEOBJECT_CLASS`: where the framework keeps its own object of a `FILE_OBJECT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileClass {
    /// It makes none.
    NotRequired,
    /// In `FsContext`.
    CanUseFsContext,
    /// In `FsContext2`.
    CanUseFsContext2,
    /// Nowhere: it looks for it among all of the device.
    CannotUseFsContexts,
}

impl FileClass {
    const CAN_BE_OPTIONAL: u32 = 0x8000_0000;

    /// A class that the framework accepts. The bit `WdfFileObjectCanBeOptional` allows requests without
    /// a `FILE_OBJECT`, of which there are none here.
    pub(crate) fn from_raw(class: u32) -> Option<Self> {
        Some(match class & !Self::CAN_BE_OPTIONAL {
            1 => Self::NotRequired,
            2 => Self::CanUseFsContext,
            3 => Self::CanUseFsContext2,
            4 => Self::CannotUseFsContexts,
            _ => return None,
        })
    }
}
