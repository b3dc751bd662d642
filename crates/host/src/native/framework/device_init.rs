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
    /// Whether file objects have framework handles.
    pub(crate) has_objects: bool,
    pub(crate) attributes: Attributes,
}
