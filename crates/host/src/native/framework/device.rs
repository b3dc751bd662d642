//! A control device.

use super::device_init::{DeviceInit, FileConfig};
use super::typed_context::TypedContext;
use parking_lot::Mutex;
use psimp_model::Acl;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// `WDFDEVICE`.
#[derive(Debug)]
pub(crate) struct Device {
    handle: u64,
    framework: u64,
    /// Return address of the call that created it.
    caller: u64,
    name: Option<String>,
    acl: Acl,
    on_io_in_caller_context: u64,
    files: Option<FileConfig>,
    context: TypedContext,
    link: Mutex<Option<String>>,
    /// `DO_DEVICE_INITIALIZING`.
    initializing: AtomicBool,
    deleted: AtomicBool,
    open: AtomicUsize,
}

impl Device {
    pub(crate) fn new(
        handle: u64,
        framework: u64,
        caller: u64,
        init: DeviceInit,
        acl: Acl,
        context: TypedContext,
    ) -> Self {
        Self {
            handle,
            framework,
            caller,
            name: init.name,
            acl,
            on_io_in_caller_context: init.on_io_in_caller_context,
            files: init.files,
            context,
            link: Mutex::default(),
            initializing: AtomicBool::new(true),
            deleted: AtomicBool::new(false),
            open: AtomicUsize::new(0),
        }
    }

    pub(crate) fn handle(&self) -> u64 {
        self.handle
    }

    pub(crate) fn framework(&self) -> u64 {
        self.framework
    }

    pub(crate) fn caller(&self) -> u64 {
        self.caller
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn context(&self) -> &TypedContext {
        &self.context
    }

    pub(crate) fn link(&self) -> &Mutex<Option<String>> {
        &self.link
    }

    pub(crate) fn files(&self) -> Option<&FileConfig> {
        self.files.as_ref()
    }

    /// The descriptor that controls who may open it.
    pub(crate) fn acl(&self) -> &Acl {
        &self.acl
    }

    /// Whether this is its name or its link. Names are case-insensitive.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let same = |other: &String| other.eq_ignore_ascii_case(name);
        self.name.as_ref().is_some_and(same) || self.link.lock().as_ref().is_some_and(same)
    }

    /// The part of a path after this device's name or link: empty, or a name below the
    /// device, starting with the backslash.
    pub(crate) fn rest_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        let behind = |own: &str| {
            let (start, rest) = path.split_at_checked(own.len())?;
            let ends = rest.is_empty() || rest.starts_with('\\');
            (ends && start.eq_ignore_ascii_case(own)).then_some(rest)
        };
        let by_name = self.name.as_deref().and_then(behind);
        by_name.or_else(|| self.link.lock().as_deref().and_then(behind))
    }

    /// Whether the I/O manager passes creates to the driver.
    pub(crate) fn can_be_opened(&self) -> bool {
        !self.initializing.load(Ordering::Acquire) && !self.deleted.load(Ordering::Acquire)
    }

    pub(crate) fn finish_initializing(&self) {
        self.initializing.store(false, Ordering::Release);
    }

    /// `EvtIoInCallerContext`.
    pub(crate) fn on_io_in_caller_context(&self) -> Option<u64> {
        some(self.on_io_in_caller_context)
    }

    /// `EvtDeviceFileCreate`.
    pub(crate) fn on_create(&self) -> Option<u64> {
        some(self.files.as_ref()?.on_create)
    }

    /// `EvtFileCleanup`.
    pub(crate) fn on_cleanup(&self) -> Option<u64> {
        some(self.files.as_ref()?.on_cleanup)
    }

    /// `EvtFileClose`.
    pub(crate) fn on_close(&self) -> Option<u64> {
        some(self.files.as_ref()?.on_close)
    }

    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    /// Records that one file was closed; returns whether it was the last one of a deleted
    /// device.
    pub(crate) fn closed(&self) -> bool {
        self.open.fetch_sub(1, Ordering::AcqRel) == 1 && self.deleted.load(Ordering::Acquire)
    }

    /// Marks the device as deleted, so that it cannot be opened; returns whether it can be
    /// destroyed now: it was not deleted before, and no file is open.
    pub(crate) fn set_deleted(&self) -> bool {
        !self.deleted.swap(true, Ordering::AcqRel) && self.open.load(Ordering::Acquire) == 0
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_deref().unwrap_or("a device without a name"))
    }
}

fn some(callback: u64) -> Option<u64> {
    (callback != 0).then_some(callback)
}
