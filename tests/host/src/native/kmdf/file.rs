//! A file object.

use super::super::Outcome;
use super::super::cpu::Cpu;
use super::super::dispatch::Dispatch;
use super::super::opaque::{self, Kind};
use super::attributes::{Attributes, TypedContext};
use super::device::Device;
use std::sync::Arc;

/// `WDFFILEOBJECT`, with the handle of user mode that it stands for.
#[derive(Debug)]
pub(crate) struct FileObject {
    /// Zero when the driver wants no file objects.
    handle: u64,
    device: Arc<Device>,
    granted: u32,
    context: TypedContext,
}

impl FileObject {
    /// A file of `device`, opened with the access that was granted.
    pub(crate) fn new(cpu: &Cpu, device: &Arc<Device>, granted: u32) -> Self {
        let config = device.files().filter(|files| files.has_objects);
        let handle = if config.is_some() { opaque::address(Kind::File, cpu.serial()) } else { 0 };
        let attributes = config.map_or_else(Attributes::default, |files| files.attributes);
        device.opened();
        Self { handle, device: device.clone(), granted, context: TypedContext::new(attributes) }
    }

    pub(crate) fn handle(&self) -> u64 {
        self.handle
    }

    pub(crate) fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// The access that the handle grants.
    pub(crate) fn granted(&self) -> u32 {
        self.granted
    }

    pub(super) fn context(&self) -> &TypedContext {
        &self.context
    }

    /// The framework destroys the object.
    pub(crate) fn destroy(&self, dispatch: &Dispatch<'_>, cpu: &Cpu) -> Outcome<()> {
        self.context.destroy(dispatch, cpu, self.handle)
    }
}
