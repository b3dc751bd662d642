//! The framework instance that one driver is bound to.

use super::children::Children;
use super::device::Device;
use super::device_init::{DeviceInit, FileClass};
use super::driver::Driver;
use super::file::FileObject;
use super::key::Key;
use super::typed_context::DestroyedContexts;
use super::wait_lock::WaitLock;
use super::work_item::WorkItem;
use crate::native::engine::guarded::{Guarded, NoBlock};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// `WDF_DRIVER_GLOBALS`.
pub(crate) mod offsets {
    pub(crate) const SIZE: usize = 56;
    pub(crate) const DRIVER: usize = 0;
    pub(crate) const DRIVER_FLAGS: usize = 8;
    pub(crate) const DRIVER_TAG: usize = 12;
    pub(crate) const DRIVER_NAME: usize = 16;
    pub(crate) const DRIVER_NAME_SIZE: usize = 32;
    pub(crate) const DISPLACE_DRIVER_UNLOAD: usize = 48;
}

/// The framework's data for a driver.
#[derive(Debug)]
pub(crate) struct Framework {
    /// Identifies the framework instance.
    id: u64,
    /// Between `WdfVersionBind` and `WdfVersionUnbind`.
    bound: AtomicBool,
    /// `WDF_DRIVER_GLOBALS`, which the driver reads.
    pub(crate) globals: Guarded,
    pub(crate) objects: Mutex<Objects>,
    pub(crate) locks: Children<WaitLock>,
    pub(crate) keys: Children<Key>,
    pub(crate) work_items: Children<WorkItem>,
    /// Number of work items that are enqueued and have not started.
    pub(crate) work_waiting: AtomicUsize,
    pub(crate) destroyed: DestroyedContexts,
    files: Mutex<Vec<Arc<FileObject>>>,
}

/// The objects that the driver created.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) driver: Option<Arc<Driver>>,
    pub(crate) inits: Vec<DeviceInit>,
    pub(crate) devices: Vec<Arc<Device>>,
}

impl Framework {
    /// An instance that no driver is bound to.
    ///
    /// # Errors
    /// When there is no memory for the globals.
    pub(crate) fn new() -> Result<Self, NoBlock> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Ok(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            bound: AtomicBool::new(false),
            globals: Guarded::zeroed(offsets::SIZE)?,
            objects: Mutex::default(),
            locks: Children::default(),
            keys: Children::default(),
            work_items: Children::default(),
            work_waiting: AtomicUsize::new(0),
            destroyed: DestroyedContexts::default(),
            files: Mutex::default(),
        })
    }

    /// Identifies the driver.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn is_bound(&self) -> bool {
        self.bound.load(Ordering::Acquire)
    }

    pub(crate) fn set_bound(&self, bound: bool) {
        self.bound.store(bound, Ordering::Release);
    }

    /// The device with this name or link.
    pub(crate) fn device(&self, name: &str) -> Option<Arc<Device>> {
        self.objects.lock().devices.iter().find(|device| device.is_called(name)).cloned()
    }

    /// The device of a path, and the path after its name.
    pub(crate) fn parse<'p>(&self, path: &'p str) -> Option<(Arc<Device>, &'p str)> {
        let objects = self.objects.lock();
        objects.devices.iter().find_map(|device| Some((device.clone(), device.rest_of(path)?)))
    }

    /// Whether a device is this driver's.
    pub(crate) fn owns(&self, device: &Device) -> bool {
        device.framework() == self.id
    }

    pub(crate) fn add_file(&self, file: &Arc<FileObject>) {
        self.files.lock().push(file.clone());
    }

    pub(crate) fn remove_file(&self, file: &Arc<FileObject>) {
        self.files.lock().retain(|other| !Arc::ptr_eq(other, file));
    }

    /// The number of open files.
    pub(crate) fn open_files(&self) -> usize {
        self.files.lock().len()
    }

    /// Looks up the file object of a request as the framework does. It has its address in the
    /// `FILE_OBJECT`, unless the class forbids that: then it walks the device's file objects, the newest
    /// first, under the device's spin lock.
    pub(crate) fn look_up(&self, file: &FileObject) {
        let visited = match file.device().files().map(|files| files.class) {
            None | Some(FileClass::NotRequired) => 0,
            Some(FileClass::CanUseFsContext | FileClass::CanUseFsContext2) => 1,
            Some(FileClass::CannotUseFsContexts) => {
                let files = self.files.lock();
                let of_device = files.iter().rev().filter(|other| Arc::ptr_eq(other.device(), file.device()));
                1 + of_device.take_while(|other| other.handle() != file.handle()).count() as u64
            }
        };
        file.add_visits(visited);
    }

    pub(crate) fn file(&self, handle: u64) -> Option<Arc<FileObject>> {
        self.files.lock().iter().find(|file| file.handle() == handle).cloned()
    }
}
