//! A file object.

use super::super::Outcome;
use super::super::cpu::Cpu;
use super::super::dispatch::Dispatch;
use super::super::opaque::{self, Kind};
use super::attributes::{Attributes, TypedContext};
use super::device::Device;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// `WDFFILEOBJECT`, with the handle of user mode that it stands for.
#[derive(Debug)]
pub(crate) struct FileObject {
    /// Zero when the driver wants no file objects.
    handle: u64,
    device: Arc<Device>,
    granted: u32,
    context: TypedContext,
    /// The last handle is closed.
    cleaned_up: AtomicBool,
}

impl FileObject {
    /// A file of `device`, opened with the access that was granted.
    pub(crate) fn new(cpu: &Cpu, device: &Arc<Device>, granted: u32) -> Self {
        let config = device.files().filter(|files| files.has_objects);
        let handle = if config.is_some() { opaque::address(Kind::File, cpu.serial()) } else { 0 };
        let attributes = config.map_or_else(Attributes::default, |files| files.attributes);
        device.opened();
        let context = TypedContext::new(attributes);
        Self { handle, device: device.clone(), granted, context, cleaned_up: AtomicBool::new(false) }
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

    /// The last handle is closed: tells the driver, once.
    pub(crate) fn clean_up(&self, dispatch: &Dispatch<'_>, cpu: &Cpu) -> Outcome<()> {
        if !self.cleaned_up.swap(true, Ordering::AcqRel)
            && let Some(callback) = self.device.on_cleanup()
        {
            dispatch.call(cpu, callback, [self.handle, 0, 0, 0])?;
        }
        Ok(())
    }

    /// The framework destroys the object.
    pub(crate) fn destroy(&self, dispatch: &Dispatch<'_>, cpu: &Cpu) -> Outcome<()> {
        dispatch.machine.framework.locks.delete_children(dispatch, cpu, self.handle)?;
        self.context.destroy(dispatch, cpu, self.handle)
    }
}
